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
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	b.ReportMetric(float64(late[times*percent/100]), "each")
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
	x := uint64(1)

	done.Add(many)
	b.ResetTimer()
	for i := 0; i < many; i++ {
		x = x*6364136223846793005 + 1442695040888963407
		d := time.Until(first) + time.Duration(x>>33)%time.Second
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
