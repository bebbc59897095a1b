// The twin of tests/deaths.c: each way to end, in Go.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"
)

var (
	none   chan int
	mutex  sync.Mutex
	rw     sync.RWMutex
	group  sync.WaitGroup
	cond   = sync.NewCond(&mutex)
	closed = make(chan int)
)

type failure struct{ n int }

func (f failure) Error() string { return fmt.Sprintf("failure %d", f.n) }

var ends = map[string]func(){
	"receive":     func() { <-make(chan int) },
	"send":        func() { make(chan int) <- 1 },
	"receive-nil": func() { <-none },
	"send-nil":    func() { none <- 1 },
	"select": func() {
		c := make(chan int)
		select {
		case <-c:
		case c <- 1:
		}
	},
	"select-none": func() { select {} },
	"range": func() {
		for range make(chan int) {
		}
	},
	"mutex":        func() { mutex.Lock(); mutex.Lock() },
	"rwmutex":      func() { rw.Lock(); rw.Lock() },
	"rwmutex-read": func() { rw.Lock(); rw.RLock() },
	"waitgroup":    func() { group.Add(1); group.Wait() },
	"cond":         func() { mutex.Lock(); cond.Wait() },
	"goexit":       func() { runtime.Goexit() },
	"goexit-others": func() {
		go func() { <-none }()
		runtime.Goexit()
	},
	"close-nil":      func() { close(none) },
	"close-closed":   func() { close(closed); close(closed) },
	"send-closed":    func() { close(closed); closed <- 1 },
	"unlock":         func() { mutex.Unlock() },
	"rwmutex-unlock": func() { rw.Unlock() },
	"runlock":        func() { rw.RUnlock() },
	"negative":       func() { group.Done() },
	"panic-text":     func() { panic("enough") },
	"panic-lines":    func() { panic("one\ntwo") },
	"panic-number":   func() { panic(42) },
	"panic-error":    func() { panic(errors.New("no such file")) },
	"panic-failure":  func() { panic(failure{7}) },
	"panic-twice": func() {
		defer func() { panic("second") }()
		panic("first")
	},
	"panic-in-goroutine": func() {
		go func() { panic("elsewhere") }()
		time.Sleep(time.Minute)
	},
	"fatal-in-goroutine": func() {
		go mutex.Unlock()
		time.Sleep(time.Minute)
	},
	"recovered": func() {
		defer func() { recover(); os.Exit(3) }()
		panic("nobody sees it")
	},
}

func main() {
	if len(os.Args) > 1 {
		ends[os.Args[1]]()
		os.Exit(0)
	}
	var names []string
	for name := range ends {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(name)
	}
}
