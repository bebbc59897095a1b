package perf

import (
	"sync"
	"testing"
)

var onceRuns int

func onceCounts() {
	onceRuns++
}

func Benchmark_once_done(b *testing.B) {
	var once sync.Once
	once.Do(onceCounts)
	onceRuns = 0
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		once.Do(onceCounts)
	}
	if onceRuns != 0 {
		b.Fatal(onceRuns)
	}
}

func Benchmark_once_value(b *testing.B) {
	value := sync.OnceValue(func() uint64 { return 7 })
	sum := uint64(0)
	for i := 0; i < b.N; i++ {
		sum += value()
	}
	if sum != 7*uint64(b.N) {
		b.Fatal(sum)
	}
}

func Benchmark_once_first(b *testing.B) {
	once := new(sync.Once)
	onceRuns = 0
	for i := 0; i < b.N; i++ {
		*once = sync.Once{}
		once.Do(onceCounts)
	}
	if onceRuns != b.N {
		b.Fatal(onceRuns)
	}
}
