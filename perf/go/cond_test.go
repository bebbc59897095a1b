package perf

import (
	"sync"
	"testing"
)

type game struct {
	mu   sync.Mutex
	cond [2]*sync.Cond
	turn int
}

func (g *game) play(me, n int, done *sync.WaitGroup) {
	g.mu.Lock()
	for i := 0; i < n; i++ {
		for g.turn != me {
			g.cond[me].Wait()
		}
		g.turn = 1 - me
		g.cond[1-me].Signal()
	}
	g.mu.Unlock()
	done.Done()
}

func Benchmark_cond_pingpong(b *testing.B) {
	var g game
	var done sync.WaitGroup
	g.cond[0] = sync.NewCond(&g.mu)
	g.cond[1] = sync.NewCond(&g.mu)
	done.Add(2)
	go g.play(0, b.N, &done)
	go g.play(1, b.N, &done)
	done.Wait()
}

func Benchmark_sema(b *testing.B) {
	sema := make(chan struct{}, 4)
	for i := 0; i < b.N; i++ {
		sema <- struct{}{}
		<-sema
	}
}

func Benchmark_sema_8(b *testing.B) {
	sema := make(chan struct{}, 4)
	var done sync.WaitGroup
	done.Add(8)
	for i := 0; i < 8; i++ {
		go func() {
			for i := 0; i < b.N/8+1; i++ {
				sema <- struct{}{}
				<-sema
			}
			done.Done()
		}()
	}
	done.Wait()
}
