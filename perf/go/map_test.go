package perf

import (
	"runtime"
	"sync"
	"testing"
)

const (
	mapKeys    = 10000
	mapMillion = 1000000
)

// Keys and values as sync.Map takes them, made beforehand: what it costs to put
// an integer into an interface is not asked.  No more of them than there is use
// for, for the collector looks at each.
var boxed []any

func boxes(n uint64) []any {
	for i := uint64(len(boxed)); i < n; i++ {
		boxed = append(boxed, i)
	}
	return boxed
}

func mapNext(x *uint64) uint64 {
	*x = *x*6364136223846793005 + 1442695040888963407
	return *x >> 32
}

func mapLook(m *sync.Map, first, n, keys uint64, loads int) (missed int) {
	all := boxed
	x := first
	for i := uint64(0); i < n; i++ {
		key := mapNext(&x) * keys >> 32
		if int(i%100) < loads {
			if value, ok := m.Load(all[key]); !ok || value.(uint64) != key {
				missed++
			}
		} else {
			m.Store(all[key], all[key])
		}
	}
	return missed
}

// Keys of its own beside those that stay, which begin where those end.
func mapChurn(m *sync.Map, first, n, keys uint64, loads int) (missed int) {
	all := boxed
	x := first
	for i := uint64(0); i < n; i++ {
		key := all[keys*(first>>32+1)+mapNext(&x)*keys>>32]
		m.Store(key, key)
		if _, ok := m.LoadAndDelete(key); !ok {
			missed++
		}
	}
	return missed
}

func mapShare(b *testing.B, what func(m *sync.Map, first, n, keys uint64, loads int) int, keys uint64, loads int) {
	var m sync.Map
	var done sync.WaitGroup

	n := runtime.GOMAXPROCS(0)
	for _, key := range boxes(keys * uint64(n+1))[:keys] {
		m.Store(key, key)
	}
	missed := make([]int, n)
	done.Add(n)
	b.ResetTimer()
	for i := 0; i < n; i++ {
		go func(i int) {
			missed[i] = what(&m, uint64(i)<<32, uint64(b.N/n+1), keys, loads)
			done.Done()
		}(i)
	}
	done.Wait()
	b.StopTimer()
	for _, lost := range missed {
		if lost != 0 {
			b.Fatal("missed:", lost)
		}
	}
}

func Benchmark_map_load(b *testing.B) {
	mapShare(b, mapLook, mapKeys, 100)
}

func Benchmark_map_load_1m(b *testing.B) {
	mapShare(b, mapLook, mapMillion, 100)
}

func Benchmark_map_90_10(b *testing.B) {
	mapShare(b, mapLook, mapKeys, 90)
}

func Benchmark_map_50_50(b *testing.B) {
	mapShare(b, mapLook, mapKeys, 50)
}

func Benchmark_map_churn(b *testing.B) {
	mapShare(b, mapChurn, mapKeys, 0)
}
