package perf

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// part is where the i-th of some equal parts of n begins.
func part(n, i, parts int) int {
	return n * i / parts
}

// checkSum wants 0 + 1 + ... + (n - 1).
func checkSum(b *testing.B, sum int) {
	if sum != b.N*(b.N-1)/2 {
		b.Fatal("the sum is", sum)
	}
}

func pong(in <-chan int, out chan<- int, locked bool, done *sync.WaitGroup) {
	if locked {
		runtime.LockOSThread()
	}
	for ball := range in {
		out <- ball + 1
	}
	if locked {
		runtime.UnlockOSThread()
	}
	done.Done()
}

// The ball counts its turns; the first only shows that both are there.
func ping(b *testing.B, locked bool) {
	out, back := make(chan int), make(chan int)
	var done sync.WaitGroup

	done.Add(1)
	go pong(out, back, locked, &done)
	if locked {
		runtime.LockOSThread()
	}
	out <- 0
	ball := <-back
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		out <- ball
		ball = <-back
	}
	b.StopTimer()
	if locked {
		runtime.UnlockOSThread()
	}
	close(out)
	done.Wait()
	if ball != b.N+1 {
		b.Fatal("turns:", ball)
	}
}

func Benchmark_chan_pingpong(b *testing.B) {
	ping(b, false)
}

func Benchmark_chan_pingpong_locked(b *testing.B) {
	ping(b, true)
}

func sendEach(out chan<- int, from, to int, done *sync.WaitGroup) {
	for ; from < to; from++ {
		out <- from
	}
	done.Done()
}

func receiveEach(in <-chan int, sum *int, done *sync.WaitGroup) {
	mine := 0
	for value := range in {
		mine += value
	}
	*sum = mine
	done.Done()
}

func flow(b *testing.B, pairs, capacity int) {
	c := make(chan int, capacity)
	var sent, received sync.WaitGroup
	var sum [4]int

	sent.Add(pairs)
	received.Add(pairs)
	b.ResetTimer()
	for i := 0; i < pairs; i++ {
		go receiveEach(c, &sum[i], &received)
		go sendEach(c, part(b.N, i, pairs), part(b.N, i+1, pairs), &sent)
	}
	sent.Wait()
	close(c)
	received.Wait()
	b.StopTimer()
	checkSum(b, sum[0]+sum[1]+sum[2]+sum[3])
}

func Benchmark_chan_1x1_0(b *testing.B)    { flow(b, 1, 0) }
func Benchmark_chan_1x1_1(b *testing.B)    { flow(b, 1, 1) }
func Benchmark_chan_1x1_16(b *testing.B)   { flow(b, 1, 16) }
func Benchmark_chan_1x1_128(b *testing.B)  { flow(b, 1, 128) }
func Benchmark_chan_1x1_1024(b *testing.B) { flow(b, 1, 1024) }
func Benchmark_chan_4x4_0(b *testing.B)    { flow(b, 4, 0) }
func Benchmark_chan_4x4_1(b *testing.B)    { flow(b, 4, 1) }
func Benchmark_chan_4x4_16(b *testing.B)   { flow(b, 4, 16) }
func Benchmark_chan_4x4_128(b *testing.B)  { flow(b, 4, 128) }
func Benchmark_chan_4x4_1024(b *testing.B) { flow(b, 4, 1024) }

// Go has no calls for more than one item.
func Benchmark_chan_batch_128(b *testing.B) { flow(b, 1, 128) }

func Benchmark_chan_same(b *testing.B) {
	c := make(chan int, 128)
	sum := 0

	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		c <- i
		sum += <-c
	}
	b.StopTimer()
	checkSum(b, sum)
}

const contenders = 16

// Nobody ever waits for room, or for a value: each has at most one in it.
func contend(c chan int, from, to int, sum *int, done *sync.WaitGroup) {
	mine := 0
	for ; from < to; from++ {
		c <- from
		mine += <-c
	}
	*sum = mine
	done.Done()
}

func Benchmark_chan_contended(b *testing.B) {
	c := make(chan int, contenders)
	var sum [contenders]int
	var done sync.WaitGroup

	done.Add(contenders)
	b.ResetTimer()
	for i := 0; i < contenders; i++ {
		go contend(c, part(b.N, i, contenders), part(b.N, i+1, contenders),
			&sum[i], &done)
	}
	done.Wait()
	b.StopTimer()
	all := 0
	for _, mine := range sum {
		all += mine
	}
	checkSum(b, all)
}

const turn = 10 // items of a pair that count as one operation

func wideSend(out chan<- int, n int, gate, done *sync.WaitGroup) {
	gate.Wait()
	for i := 0; i < n; i++ {
		out <- 1
	}
	done.Done()
}

func wideReceive(in <-chan int, n int, sum *int, done *sync.WaitGroup) {
	mine := 0
	for mine < n {
		mine += <-in
	}
	*sum = mine
	done.Done()
}

func wide(b *testing.B, pairs int) {
	c, sum, n := make([]chan int, pairs), make([]int, pairs), b.N*turn
	var gate, done sync.WaitGroup

	gate.Add(1)
	done.Add(2 * pairs)
	for i := range c {
		c[i] = make(chan int)
		go wideReceive(c[i], n, &sum[i], &done)
		go wideSend(c[i], n, &gate, &done)
	}
	runtime.Gosched()
	b.ResetTimer()
	start := time.Now()
	gate.Done()
	done.Wait()
	b.ReportMetric(float64(time.Since(start))/(float64(n)*float64(pairs)), "each")
	b.StopTimer()
	for i := range sum {
		if sum[i] != n {
			b.Fatal("pair", i, "items:", sum[i])
		}
	}
}

func Benchmark_chan_wide_2(b *testing.B) {
	wide(b, 2)
}

func Benchmark_chan_wide_1e5(b *testing.B) {
	wide(b, 100000)
}

const listeners = 10000

func listen(in <-chan int, here, gone *sync.WaitGroup, heard *bool) {
	here.Done()
	_, ok := <-in
	*heard = !ok
	gone.Done()
}

// From the close to the end of the last one.
func broadcast(b *testing.B) time.Duration {
	c := make(chan int)
	var heard [listeners]bool
	var here, gone sync.WaitGroup

	here.Add(listeners)
	gone.Add(listeners)
	for i := range heard {
		go listen(c, &here, &gone, &heard[i])
	}
	here.Wait()
	b.StartTimer()
	start := time.Now()
	close(c)
	gone.Wait()
	took := time.Since(start)
	b.StopTimer()
	for i := range heard {
		if !heard[i] {
			b.Fatal("listener", i, "heard nothing")
		}
	}
	return took
}

func Benchmark_close_broadcast(b *testing.B) {
	var took time.Duration

	b.StopTimer()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		took += broadcast(b)
	}
	b.ReportMetric(float64(took)/(float64(b.N)*listeners), "each")
}

const (
	primes    = 4000
	lastPrime = 37813
)

func generate(out chan<- int) {
	for i := 2; i <= lastPrime; i++ {
		out <- i
	}
	close(out)
}

func filter(in <-chan int, out chan<- int, prime int) {
	for i := range in {
		if i%prime != 0 {
			out <- i
		}
	}
	close(out)
}

func sieve(b *testing.B) {
	in := make(chan int)
	prime, n := 0, 0

	go generate(in)
	for {
		i, ok := <-in
		if !ok {
			break
		}
		out := make(chan int)
		go filter(in, out, i)
		prime = i
		n++
		in = out
	}
	if n != primes || prime != lastPrime {
		b.Fatal("primes:", n, "up to:", prime)
	}
}

func Benchmark_sieve_4000(b *testing.B) {
	for i := 0; i < b.N; i++ {
		sieve(b)
	}
}
