package perf

import (
	"sync"
	"testing"
)

var shared struct {
	_     [64]byte
	mu    sync.Mutex
	count uint64
	_     [64]byte
}

func Benchmark_mutex(b *testing.B) {
	var mu sync.Mutex
	for i := 0; i < b.N; i++ {
		mu.Lock()
		mu.Unlock()
	}
}

func Benchmark_mutex_try(b *testing.B) {
	var mu sync.Mutex
	had := 0
	for i := 0; i < b.N; i++ {
		if mu.TryLock() {
			had++
		}
		mu.Unlock()
	}
	if had != b.N {
		b.Fatal(had)
	}
}

func Benchmark_mutex_try_held(b *testing.B) {
	var mu sync.Mutex
	mu.Lock()
	for i := 0; i < b.N; i++ {
		if mu.TryLock() {
			b.Fatal("had it")
		}
	}
	mu.Unlock()
}

//go:noinline
func work(x uint64) uint64 {
	for i := 0; i < 80; i++ {
		x = x*6364136223846793005 + 1
	}
	return x
}

func lockAll(b *testing.B, n int, works bool) {
	var done sync.WaitGroup
	shared.count = 0
	b.ResetTimer()
	for i := 0; i < n; i++ {
		each := b.N / n
		if i < b.N%n {
			each++
		}
		done.Add(1)
		go func() {
			x := uint64(each)
			for i := 0; i < each; i++ {
				shared.mu.Lock()
				shared.count++
				if works {
					x = work(x)
				}
				shared.mu.Unlock()
				if works {
					x = work(x)
				}
			}
			done.Done()
		}()
	}
	done.Wait()
	if shared.count != uint64(b.N) {
		b.Fatal(shared.count)
	}
}

func Benchmark_mutex_2(b *testing.B)       { lockAll(b, 2, false) }
func Benchmark_mutex_8(b *testing.B)       { lockAll(b, 8, false) }
func Benchmark_mutex_64(b *testing.B)      { lockAll(b, 64, false) }
func Benchmark_mutex_2_work(b *testing.B)  { lockAll(b, 2, true) }
func Benchmark_mutex_8_work(b *testing.B)  { lockAll(b, 8, true) }
func Benchmark_mutex_64_work(b *testing.B) { lockAll(b, 64, true) }
