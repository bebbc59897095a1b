package perf

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
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

func reportPercentile(b *testing.B, d []time.Duration, percent float64) {
	sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
	i := int(float64(len(d)) * percent / 100)
	if i == len(d) {
		i--
	}
	b.ReportMetric(float64(d[i]), "each")
}

// sleepOften takes longer than a turn measures, so b.N is 1.
func sleepOften(b *testing.B, d time.Duration, times int, percent float64) {
	late := make([]time.Duration, times)

	b.ResetTimer()
	for i := range late {
		start := time.Now()
		time.Sleep(d)
		late[i] = time.Since(start) - d
	}
	b.StopTimer()
	reportPercentile(b, late, percent)
}

// sleepLoaded is the same where all Ps but one compute.
func sleepLoaded(b *testing.B, d time.Duration, times int, percent float64) {
	var enough atomic.Bool
	var all sync.WaitGroup

	for i := 1; i < runtime.GOMAXPROCS(0); i++ {
		all.Add(1)
		go func() {
			for !enough.Load() {
			}
			all.Done()
		}()
	}
	sleepOften(b, d, times, percent)
	enough.Store(true)
	all.Wait()
}

const us = time.Microsecond

func Benchmark_sleep_50us_p50(b *testing.B)      { sleepOften(b, 50*us, 2000, 50) }
func Benchmark_sleep_50us_p99(b *testing.B)      { sleepOften(b, 50*us, 2000, 99) }
func Benchmark_sleep_50us_p999(b *testing.B)     { sleepOften(b, 50*us, 4000, 99.9) }
func Benchmark_sleep_50us_max(b *testing.B)      { sleepOften(b, 50*us, 2000, 100) }
func Benchmark_sleep_50us_load_p50(b *testing.B) { sleepLoaded(b, 50*us, 2000, 50) }
func Benchmark_sleep_50us_load_p99(b *testing.B) { sleepLoaded(b, 50*us, 2000, 99) }
func Benchmark_sleep_1ms_p50(b *testing.B)       { sleepOften(b, 1000*us, 500, 50) }
func Benchmark_sleep_1ms_p99(b *testing.B)       { sleepOften(b, 1000*us, 500, 99) }
func Benchmark_sleep_10ms_p50(b *testing.B)      { sleepOften(b, 10000*us, 100, 50) }
func Benchmark_sleep_10ms_p99(b *testing.B)      { sleepOften(b, 10000*us, 100, 99) }

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
