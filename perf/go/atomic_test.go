package perf

import (
	"sync"
	"sync/atomic"
	"testing"
)

var hits atomic.Int64

func Benchmark_atomic_add(b *testing.B) {
	hits.Store(0)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		hits.Add(1)
	}
	b.StopTimer()
	if n := hits.Load(); n != int64(b.N) {
		b.Fatal(n, "of", b.N)
	}
}

const adders = 8

func addsUp(n int, done *sync.WaitGroup) {
	for ; n > 0; n-- {
		hits.Add(1)
	}
	done.Done()
}

func Benchmark_atomic_add_8(b *testing.B) {
	each := (b.N + adders - 1) / adders
	var done sync.WaitGroup

	hits.Store(0)
	done.Add(adders)
	b.ResetTimer()
	for i := 0; i < adders; i++ {
		go addsUp(each, &done)
	}
	done.Wait()
	b.StopTimer()
	if n := hits.Load(); n != int64(each)*adders {
		b.Fatal(n, "of", each*adders)
	}
}
