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

// What sync.OnceValue gives, which Go has since 1.21.
func onceValue(f func() uint64) func() uint64 {
	var once sync.Once
	var result uint64
	return func() uint64 {
		once.Do(func() { result = f() })
		return result
	}
}

func Benchmark_once_value(b *testing.B) {
	value := onceValue(func() uint64 { return 7 })
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
