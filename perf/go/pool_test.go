package perf

import (
	"runtime"
	"sync"
	"testing"
)

const (
	poolMany    = 100
	poolStarved = 67
)

func poolPair(p *sync.Pool, n int, item any) {
	for i := 0; i < n; i++ {
		x := p.Get()
		if x == nil {
			x = item
		}
		p.Put(x)
	}
}

func poolSome(p *sync.Pool, n int, puts int, item any) {
	for i := 0; i < n; i += poolMany {
		for k := 0; k < puts; k++ {
			p.Put(item)
		}
		for k := 0; k < poolMany; k++ {
			p.Get()
		}
	}
}

func poolShare(b *testing.B, what func(p *sync.Pool, n int, item any)) {
	var p sync.Pool
	var done sync.WaitGroup

	n := runtime.GOMAXPROCS(0)
	done.Add(n)
	b.ResetTimer()
	for i := 0; i < n; i++ {
		go func() {
			what(&p, b.N/n+1, &p)
			done.Done()
		}()
	}
	done.Wait()
}

func Benchmark_pool_pair(b *testing.B) {
	poolShare(b, poolPair)
}

func Benchmark_pool_100(b *testing.B) {
	poolShare(b, func(p *sync.Pool, n int, item any) { poolSome(p, n, poolMany, item) })
}

func Benchmark_pool_starved(b *testing.B) {
	poolShare(b, func(p *sync.Pool, n int, item any) { poolSome(p, n, poolStarved, item) })
}
