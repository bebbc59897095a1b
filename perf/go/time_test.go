package perf

import (
	"sort"
	"sync"
	"syscall"
	"testing"
	"time"
)

func Benchmark_until_pingpong(b *testing.B) {
	out, back := make(chan int), make(chan int)
	var done sync.WaitGroup
	ball := 0

	done.Add(1)
	go pong(out, back, false, &done)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		out <- ball
		timer := time.NewTimer(time.Hour)
		select {
		case ball = <-back:
		case <-timer.C:
			b.Fatal("an hour")
		}
		timer.Stop()
	}
	b.StopTimer()
	close(out)
	done.Wait()
	if ball != b.N {
		b.Fatal("turns:", ball)
	}
}

// chance is the i-th number of a fixed, even, irregular row (splitmix64).
func chance(i int) time.Duration {
	x := (uint64(i) + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return time.Duration((x ^ x>>31) >> 1)
}

func reportPercentile(b *testing.B, d []time.Duration, percent int) {
	sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
	b.ReportMetric(float64(d[len(d)*percent/100]), "each")
}

// sleepOften takes longer than a turn measures, so b.N is 1.
func sleepOften(b *testing.B, percent int) {
	const times = 2000
	late := make([]time.Duration, times)

	b.ResetTimer()
	for i := range late {
		start := time.Now()
		time.Sleep(50 * time.Microsecond)
		late[i] = time.Since(start) - 50*time.Microsecond
	}
	b.StopTimer()
	reportPercentile(b, late, percent)
}

func Benchmark_sleep_50us_p50(b *testing.B) { sleepOften(b, 50) }
func Benchmark_sleep_50us_p99(b *testing.B) { sleepOften(b, 99) }

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sleepByTheMillion takes two seconds, so b.N is 1.
func sleepByTheMillion(b *testing.B, cpu bool) {
	first := time.Now().Add(time.Second)
	used := cpuTime(b)
	var done sync.WaitGroup

	done.Add(many)
	b.ResetTimer()
	for i := 0; i < many; i++ {
		d := time.Until(first) + chance(i)%time.Second
		go func() {
			time.Sleep(d)
			done.Done()
		}()
	}
	done.Wait()
	b.StopTimer()
	if cpu {
		b.ReportMetric(float64(cpuTime(b)-used), "each")
	} else {
		b.ReportMetric(float64(time.Since(first.Add(time.Second))), "each")
	}
}

func Benchmark_sleep_1m_late(b *testing.B) { sleepByTheMillion(b, false) }
func Benchmark_sleep_1m_cpu(b *testing.B)  { sleepByTheMillion(b, true) }
