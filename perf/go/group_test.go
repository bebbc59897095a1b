package perf

import (
	"errors"
	"sync"
	"testing"
	"time"
)

const (
	groupSize  = 64
	groupLimit = 8
)

var errOdd = errors.New("odd")

// What errgroup.Group does, which is not part of the installation.
type group struct {
	members sync.WaitGroup
	limit   chan struct{}
	once    sync.Once
	first   error
}

func (g *group) start(f func() error) {
	if g.limit != nil {
		g.limit <- struct{}{}
	}
	g.members.Add(1)
	go func() {
		if err := f(); err != nil {
			g.once.Do(func() { g.first = err })
		}
		if g.limit != nil {
			<-g.limit
		}
		g.members.Done()
	}()
}

func (g *group) wait() error {
	g.members.Wait()
	return g.first
}

func failsIf(it bool) error {
	if it {
		return errOdd
	}
	return nil
}

func groups(b *testing.B, limit int) {
	start := time.Now()
	for i := 0; i < b.N; i++ {
		var all group
		if limit > 0 {
			all.limit = make(chan struct{}, limit)
		}
		for k := 0; k < groupSize; k++ {
			it := k == groupSize/2
			all.start(func() error { return failsIf(it) })
		}
		if all.wait() != errOdd {
			b.Fatal("no error")
		}
	}
	b.ReportMetric(float64(time.Since(start))/(float64(b.N)*groupSize), "each")
}

func Benchmark_group_64(b *testing.B)       { groups(b, 0) }
func Benchmark_group_64_limit(b *testing.B) { groups(b, groupLimit) }
