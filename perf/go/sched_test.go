// Package perf holds the benchmarks of ../bench_*.c again, in Go: the same
// names, the same programs, as close as the two languages allow.
package perf

import (
	"runtime"
	"sync"
	"testing"
)

// Both run the same code, as workers do.
//
//go:noinline
func yieldOften(n int) {
	for ; n > 0; n-- {
		runtime.Gosched()
	}
}

func yieldBeside(n int, done *sync.WaitGroup) {
	yieldOften(n)
	done.Done()
}

func Benchmark_yield(b *testing.B) {
	half := (b.N + 1) / 2
	var done sync.WaitGroup

	done.Add(1)
	b.ResetTimer()
	go yieldBeside(half, &done)
	yieldOften(half)
	done.Wait()
}

const ringSize = 503

type ring struct {
	baton         [ringSize]sync.WaitGroup
	started, done sync.WaitGroup
	left          int
	b             *testing.B
}

func (r *ring) runner(i int) {
	r.started.Done()
	for more := true; more; {
		r.baton[i].Wait()
		r.baton[i].Add(1)
		r.left--
		if r.left == 0 {
			r.b.StopTimer()
		}
		more = r.left > 0
		r.baton[(i+1)%ringSize].Done()
	}
	r.done.Done()
}

func Benchmark_ring(b *testing.B) {
	r := &ring{left: b.N, b: b}

	r.started.Add(ringSize)
	r.done.Add(ringSize)
	for i := range r.baton {
		r.baton[i].Add(1)
	}
	for i := range r.baton {
		go r.runner(i)
	}
	r.started.Wait()

	b.ResetTimer()
	r.baton[0].Done()
	r.done.Wait()
	if r.left != 1-ringSize {
		b.Fatal("hops left:", r.left)
	}
}
