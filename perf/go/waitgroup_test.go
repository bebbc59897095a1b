package perf

import (
	"runtime"
	"sync"
	"testing"
)

type wgWork struct {
	own    sync.WaitGroup
	counts *sync.WaitGroup
	_      [128]byte
}

func wgCount(w *wgWork, n int) {
	for i := 0; i < n; i++ {
		w.counts.Add(1)
		w.counts.Done()
	}
}

func wgShare(b *testing.B, one bool) {
	var all, done sync.WaitGroup

	n := runtime.GOMAXPROCS(0)
	w := make([]wgWork, n)
	done.Add(n)
	b.ResetTimer()
	for i := range w {
		w[i].counts = &w[i].own
		if one {
			w[i].counts = &all
		}
		go func(w *wgWork) {
			wgCount(w, b.N/n+1)
			done.Done()
		}(&w[i])
	}
	done.Wait()
	b.StopTimer()
	all.Wait()
}

func Benchmark_wg_count(b *testing.B) {
	wgShare(b, false)
}

func Benchmark_wg_count_one(b *testing.B) {
	wgShare(b, true)
}

func Benchmark_wg_nothing(b *testing.B) {
	var none sync.WaitGroup
	for i := 0; i < b.N; i++ {
		none.Wait()
	}
}
