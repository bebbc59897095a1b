package perf

import (
	"sync"
	"testing"
)

func skynetNode(first, size int, sum *int, up *sync.WaitGroup) {
	*sum = first
	if size > 1 {
		var part [10]int
		var down sync.WaitGroup

		down.Add(10)
		for i := 0; i < 10; i++ {
			go skynetNode(first+i*(size/10), size/10, &part[i], &down)
		}
		down.Wait()
		*sum = 0
		for i := 0; i < 10; i++ {
			*sum += part[i]
		}
	}
	up.Done()
}

func skynetTree(b *testing.B) {
	var sum int
	var done sync.WaitGroup

	done.Add(1)
	skynetNode(0, 1000000, &sum, &done)
	if sum != 499999500000 {
		b.Fatal("the sum is", sum)
	}
}

func Benchmark_skynet(b *testing.B) {
	skynetTree(b)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		skynetTree(b)
	}
}

const (
	fibOf = 27
	fib27 = 196418
)

func forkOneBranch(n int, result *int, up *sync.WaitGroup) {
	*result = forkOne(n)
	up.Done()
}

func forkOne(n int) int {
	if n < 2 {
		return n
	}
	var a int
	var down sync.WaitGroup

	down.Add(1)
	go forkOneBranch(n-1, &a, &down)
	b := forkOne(n - 2)
	down.Wait()
	return a + b
}

func forkBoth(n int, result *int, up *sync.WaitGroup) {
	*result = n
	if n >= 2 {
		var a, b int
		var down sync.WaitGroup

		down.Add(2)
		go forkBoth(n-1, &a, &down)
		go forkBoth(n-2, &b, &down)
		down.Wait()
		*result = a + b
	}
	up.Done()
}

func forkBothRoot(n int) int {
	var result int
	var done sync.WaitGroup

	done.Add(1)
	forkBoth(n, &result, &done)
	return result
}

func fibCheck(b *testing.B, result int) {
	if result != fib27 {
		b.Fatal("fib is", result)
	}
}

func Benchmark_fib(b *testing.B) {
	fibCheck(b, forkOne(fibOf))
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		fibCheck(b, forkOne(fibOf))
	}
}

func Benchmark_fib_both(b *testing.B) {
	fibCheck(b, forkBothRoot(fibOf))
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		fibCheck(b, forkBothRoot(fibOf))
	}
}
