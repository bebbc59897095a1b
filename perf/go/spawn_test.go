package perf

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

func nothing(done *sync.WaitGroup) {
	done.Done()
}

func Benchmark_spawn_join(b *testing.B) {
	for i := 0; i < b.N; i++ {
		var done sync.WaitGroup

		done.Add(1)
		go nothing(&done)
		done.Wait()
	}
}

const batchSize = 100000

func batch() {
	var done sync.WaitGroup

	done.Add(batchSize)
	for i := 0; i < batchSize; i++ {
		go nothing(&done)
	}
	done.Wait()
}

func Benchmark_spawn_batch(b *testing.B) {
	batch()
	b.ResetTimer()
	start := time.Now()
	for i := 0; i < b.N; i++ {
		batch()
	}
	b.ReportMetric(float64(time.Since(start))/(float64(b.N)*batchSize), "each")
}

// Resident pages and page tables of this process, in bytes.
func resident(b *testing.B) float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var kib, sum int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		for _, form := range []string{"VmRSS: %d", "VmPTE: %d"} {
			if n, _ := fmt.Sscanf(lines.Text(), form, &kib); n == 1 {
				sum += kib * 1024
			}
		}
	}
	return float64(sum)
}

const many = 1000000

func stay(here, gate, gone *sync.WaitGroup) {
	here.Done()
	gate.Wait()
	gone.Done()
}

func parkMany(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this one is for -benchtime 1x")
	}
	var here, gate, gone sync.WaitGroup
	before := resident(b)

	here.Add(many)
	gate.Add(1)
	gone.Add(many)
	b.ResetTimer()
	for i := 0; i < many; i++ {
		go stay(&here, &gate, &gone)
	}
	here.Wait()
	b.StopTimer()
	b.ReportMetric((resident(b)-before)/many, "each")
	if n := runtime.NumGoroutine(); n < many {
		b.Fatal("goroutines:", n)
	}
	gate.Done()
	gone.Wait()
}

func Benchmark_parked_1m(b *testing.B) {
	parkMany(b)
}
