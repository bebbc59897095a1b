package perf

import (
	"sync"
	"sync/atomic"
	"testing"
)

// The pool of the notes: a channel of tasks, and goroutines that range over it.
type pool struct {
	tasks chan func() error
	alive sync.WaitGroup
	once  sync.Once
	first error
}

func newPool(workers, queue int) *pool {
	p := &pool{tasks: make(chan func() error, queue)}
	p.alive.Add(workers)
	for i := 0; i < workers; i++ {
		go func() {
			defer p.alive.Done()
			for task := range p.tasks {
				if err := task(); err != nil {
					p.once.Do(func() { p.first = err })
				}
			}
		}()
	}
	return p
}

func (p *pool) end() {
	close(p.tasks)
	p.alive.Wait()
}

const poolWorkers, poolQueue, poolBatch = 8, 128, 10000

func Benchmark_workers_8(b *testing.B) {
	var sum uint64
	p := newPool(poolWorkers, poolQueue)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		p.tasks <- func() error {
			atomic.AddUint64(&sum, 1)
			return nil
		}
	}
	p.end()
	if sum != uint64(b.N) {
		b.Fatal(sum)
	}
}

func Benchmark_workers_8_spawn(b *testing.B) {
	var sum uint64
	var all sync.WaitGroup
	for i := 0; i < b.N; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			atomic.AddUint64(&sum, 1)
		}()
		if i%poolBatch == poolBatch-1 {
			all.Wait()
		}
	}
	all.Wait()
	if sum != uint64(b.N) {
		b.Fatal(sum)
	}
}

func Benchmark_workers_8_wait(b *testing.B) {
	var sum uint64
	p := newPool(poolWorkers, poolQueue)
	done := make(chan error, 1)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		p.tasks <- func() error {
			atomic.AddUint64(&sum, 1)
			done <- nil
			return nil
		}
		<-done
	}
	b.StopTimer()
	p.end()
	if sum != uint64(b.N) {
		b.Fatal(sum)
	}
}
