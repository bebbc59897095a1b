package perf

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func noFunc() {}

func manyTimers(n int) []*time.Timer {
	t := make([]*time.Timer, n)
	for i := range t {
		t[i] = time.AfterFunc(time.Hour+chance(i)%time.Hour, noFunc)
	}
	return t
}

func noTimers(t []*time.Timer) {
	for _, one := range t {
		one.Stop()
	}
}

func stopAmong(b *testing.B, others int) {
	t := manyTimers(others)

	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		time.AfterFunc(time.Hour, noFunc).Stop()
	}
	b.StopTimer()
	noTimers(t)
}

func Benchmark_timer_stop_0(b *testing.B)   { stopAmong(b, 0) }
func Benchmark_timer_stop_10k(b *testing.B) { stopAmong(b, 10000) }
func Benchmark_timer_stop_1m(b *testing.B)  { stopAmong(b, 1000000) }

// Go knows no timers at a moment, so the same again.
func Benchmark_timer_stop_at_0(b *testing.B)  { stopAmong(b, 0) }
func Benchmark_timer_stop_at_1m(b *testing.B) { stopAmong(b, 1000000) }

func Benchmark_timer_chan_stop(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.NewTimer(time.Hour).Stop()
	}
}

func resetEach(b *testing.B, n int) {
	t := manyTimers(n)

	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		t[i%n].Reset(time.Hour)
	}
	b.StopTimer()
	noTimers(t)
}

func Benchmark_timer_reset_1(b *testing.B)  { resetEach(b, 1) }
func Benchmark_timer_reset_1m(b *testing.B) { resetEach(b, 1000000) }

// fireByTheMillion takes two seconds, so b.N is 1.
func fireByTheMillion(b *testing.B, cpu bool) {
	first := time.Now().Add(time.Second)
	used := cpuTime(b)
	over := make(chan int, 1)
	var left atomic.Int64

	left.Store(many)
	comes := func() {
		if left.Add(-1) == 0 {
			over <- 1
		}
	}
	b.ResetTimer()
	for i := 0; i < many; i++ {
		time.AfterFunc(time.Until(first)+chance(i)%time.Second, comes)
	}
	<-over
	b.StopTimer()
	if cpu {
		b.ReportMetric(float64(cpuTime(b)-used), "each")
	} else {
		b.ReportMetric(float64(time.Since(first.Add(time.Second))), "each")
	}
}

func Benchmark_timer_fire_1m_late(b *testing.B) { fireByTheMillion(b, false) }
func Benchmark_timer_fire_1m_cpu(b *testing.B)  { fireByTheMillion(b, true) }

func besideHogs(b *testing.B, percent float64) {
	late := make([]time.Duration, 500)
	over := make(chan int, 1)
	var left atomic.Int64
	var enough atomic.Bool
	var all sync.WaitGroup

	left.Store(int64(len(late)))
	b.ResetTimer()
	for i := 1; i < runtime.GOMAXPROCS(0); i++ {
		all.Add(1)
		go func() {
			for !enough.Load() {
			}
			all.Done()
		}()
	}
	all.Add(1)
	go func() {
		for i := range late {
			i, when := i, time.Now().Add(time.Millisecond)
			time.AfterFunc(time.Millisecond, func() {
				late[i] = time.Since(when)
				if left.Add(-1) == 0 {
					over <- 1
				}
			})
			for time.Since(when) < time.Millisecond {
			}
		}
		enough.Store(true)
		all.Done()
	}()
	all.Wait()
	<-over
	b.StopTimer()
	reportPercentile(b, late, percent)
}

func Benchmark_timer_hog_p50(b *testing.B) { besideHogs(b, 50) }
func Benchmark_timer_hog_p99(b *testing.B) { besideHogs(b, 99) }

func ticks(b *testing.B, period time.Duration, n int) {
	late := make([]time.Duration, n)
	start := time.Now()
	t := time.NewTicker(period)

	b.ResetTimer()
	for i := range late {
		<-t.C
		late[i] = time.Since(start) % period
	}
	b.StopTimer()
	t.Stop()
	reportPercentile(b, late, 99)
}

func Benchmark_ticker_1khz_p99(b *testing.B)  { ticks(b, time.Millisecond, 1000) }
func Benchmark_ticker_10khz_p99(b *testing.B) { ticks(b, time.Millisecond/10, 5000) }

func Benchmark_timer_10m(b *testing.B) {
	const many = 10000000

	before := resident(b)
	b.ResetTimer()
	t := manyTimers(many)
	b.StopTimer()
	b.ReportMetric((resident(b)-before)/many, "each")
	noTimers(t)
}
