package perf

import "testing"

var panicRuns, panicBodies uint64

//go:noinline
func panicCounts() {
	panicRuns++
}

//go:noinline
func panicAdds(sum *uint64, a, b int) {
	*sum += uint64(a + b)
}

//go:noinline
func defers() {
	defer panicCounts()
	panicBodies++
}

//go:noinline
func defersArgs(sum *uint64, a int) {
	defer panicAdds(sum, a, 1)
	panicBodies++
}

//go:noinline
func defers3() {
	defer panicCounts()
	defer panicCounts()
	defer panicCounts()
	panicBodies++
}

//go:noinline
func recovers() {
	if recover() != nil {
		panicRuns++
	}
}

//go:noinline
func mayRecover() {
	defer recovers()
	panicBodies++
}

//go:noinline
func raises(depth int) {
	defer panicCounts()
	if depth > 1 {
		raises(depth - 1)
	} else {
		panic("stop")
	}
	panicRuns += 1000
}

//go:noinline
func raisesOne() {
	panic("stop")
}

//go:noinline
func recover1() {
	defer recovers()
	raisesOne()
}

//go:noinline
func recover10() {
	defer recovers()
	raises(10)
}

func panicBench(b *testing.B, what func(), each uint64) {
	panicRuns = 0
	for i := 0; i < b.N; i++ {
		what()
	}
	if panicRuns != each*uint64(b.N) {
		b.Fatal(panicRuns)
	}
}

func Benchmark_defer(b *testing.B) {
	panicBench(b, defers, 1)
}

func Benchmark_defer_args(b *testing.B) {
	sum := uint64(0)
	for i := 0; i < b.N; i++ {
		defersArgs(&sum, 1)
	}
	if sum != 2*uint64(b.N) {
		b.Fatal(sum)
	}
}

func Benchmark_defer_3(b *testing.B) {
	panicBench(b, defers3, 3)
}

func Benchmark_defer_recover(b *testing.B) {
	panicBench(b, mayRecover, 0)
}

func Benchmark_panic_recover_1(b *testing.B) {
	panicBench(b, recover1, 1)
}

func Benchmark_panic_recover_10(b *testing.B) {
	panicBench(b, recover10, 11)
}
