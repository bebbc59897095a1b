package perf

import (
	"sync"
	"testing"
)

func sendInTurn(even, odd chan<- int, n int, done *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		if i%2 != 0 {
			odd <- i
		} else {
			even <- i
		}
	}
	done.Done()
}

func Benchmark_select_ready(b *testing.B) {
	even, odd := make(chan int), make(chan int)
	var done sync.WaitGroup
	wrong := 0

	done.Add(1)
	b.ResetTimer()
	go sendInTurn(even, odd, b.N, &done)
	for i := 0; i < b.N; i++ {
		select {
		case value := <-even:
			if value%2 != 0 || value != i {
				wrong++
			}
		case value := <-odd:
			if value%2 != 1 || value != i {
				wrong++
			}
		}
	}
	b.StopTimer()
	done.Wait()
	if wrong != 0 {
		b.Fatal("in the wrong place:", wrong)
	}
}

const full = 128

func Benchmark_select_filled(b *testing.B) {
	x, y := make(chan int, full), make(chan int, full)

	for i := 0; i < full; i++ {
		x <- i
		y <- i
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		select {
		case value := <-x:
			x <- value
		case value := <-y:
			y <- value
		}
	}
	b.StopTimer()
	if len(x) != full || len(y) != full {
		b.Fatal("left:", len(x), len(y))
	}
}

func Benchmark_select_default(b *testing.B) {
	x, y := make(chan int), make(chan int)
	none := 0

	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		select {
		case <-x:
		case <-y:
		default:
			none++
		}
	}
	b.StopTimer()
	if none != b.N {
		b.Fatal("none:", none)
	}
}

func selectPong(in, never <-chan int, out chan<- int, done *sync.WaitGroup) {
	for {
		var ball int
		open := true
		select {
		case ball, open = <-in:
		case <-never:
		}
		if !open {
			break
		}
		out <- ball + 1
	}
	done.Done()
}

func Benchmark_select_blocked(b *testing.B) {
	out, back, never := make(chan int), make(chan int), make(chan int)
	var done sync.WaitGroup
	ball := 0

	done.Add(1)
	go selectPong(out, never, back, &done)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		out <- ball
		select {
		case ball = <-back:
		case <-never:
		}
	}
	b.StopTimer()
	close(out)
	done.Wait()
	if ball != b.N {
		b.Fatal("turns:", ball)
	}
}

func give(work chan<- int, n int, gone *sync.WaitGroup) {
	for ; n > 0; n-- {
		work <- 1
	}
	close(work)
	gone.Done()
}

func take(work, done <-chan int, sum *int, gone *sync.WaitGroup) {
	for {
		var value int
		open := true
		select {
		case value, open = <-work:
		case <-done:
		}
		if !open {
			break
		}
		*sum += value
	}
	gone.Done()
}

func selectDone(b *testing.B, pairs int) {
	done := make(chan int)
	sum := make([]int, pairs)
	var gone sync.WaitGroup

	gone.Add(2 * pairs)
	b.ResetTimer()
	for i := range sum {
		work := make(chan int)
		go take(work, done, &sum[i], &gone)
		go give(work, part(b.N, i+1, pairs)-part(b.N, i, pairs), &gone)
	}
	gone.Wait()
	b.StopTimer()
	all := 0
	for _, mine := range sum {
		all += mine
	}
	if all != b.N {
		b.Fatal("items:", all)
	}
}

func Benchmark_select_done_2(b *testing.B)   { selectDone(b, 2) }
func Benchmark_select_done_16(b *testing.B)  { selectDone(b, 16) }
func Benchmark_select_done_128(b *testing.B) { selectDone(b, 128) }
