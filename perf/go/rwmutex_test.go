package perf

import (
	"runtime"
	"sync"
	"testing"
)

var sharedRW struct {
	_     [64]byte
	rw    sync.RWMutex
	_     [64]byte
	count uint64
	_     [64]byte
}

func Benchmark_rwmutex_read(b *testing.B) {
	var rw sync.RWMutex
	for i := 0; i < b.N; i++ {
		rw.RLock()
		rw.RUnlock()
	}
}

func Benchmark_rwmutex_write(b *testing.B) {
	var rw sync.RWMutex
	for i := 0; i < b.N; i++ {
		rw.Lock()
		rw.Unlock()
	}
}

var sink uint64

func useRW(b *testing.B, n, every int, together bool) {
	var done sync.WaitGroup
	each := b.N
	if !together {
		each = b.N/n + 1
	}
	sharedRW.count = 0
	b.ResetTimer()
	done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			var sum uint64
			for i := 1; i <= each; i++ {
				if every != 0 && i%every == 0 {
					sharedRW.rw.Lock()
					sharedRW.count++
					sharedRW.rw.Unlock()
				} else {
					sharedRW.rw.RLock()
					sum += sharedRW.count
					sharedRW.rw.RUnlock()
				}
			}
			if sum == 1<<63 {
				sink = sum
			}
			done.Done()
		}()
	}
	done.Wait()
	if every != 0 && sharedRW.count != uint64(n*(each/every)) {
		b.Fatal(sharedRW.count)
	}
}

func Benchmark_rwmutex_reads(b *testing.B)    { useRW(b, runtime.GOMAXPROCS(0), 0, true) }
func Benchmark_rwmutex_reads_64(b *testing.B) { useRW(b, 64, 0, false) }
func Benchmark_rwmutex_1(b *testing.B)        { useRW(b, 64, 100, false) }
func Benchmark_rwmutex_10(b *testing.B)       { useRW(b, 64, 10, false) }
