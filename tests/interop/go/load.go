package main

import (
	"sync"
	"time"
)

// load makes calls at a steady rate, whatever becomes of them.
type load struct {
	ended    chan struct{}
	calls    sync.WaitGroup
	lock     sync.Mutex
	outcomes []outcome // in the order in which the calls were made
}

func startLoad(echo *echo, qps int, timeout time.Duration) *load {
	l := &load{ended: make(chan struct{}), outcomes: []outcome{}}
	l.calls.Go(func() { l.run(echo, qps, timeout) })
	return l
}

func (l *load) run(echo *echo, qps int, timeout time.Duration) {
	ticker := time.NewTicker(time.Second / time.Duration(qps))
	defer ticker.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-ticker.C:
		}
		l.lock.Lock()
		place := len(l.outcomes)
		l.outcomes = append(l.outcomes, outcome{})
		l.lock.Unlock()
		l.calls.Go(func() {
			became := echo.call(timeout, false)
			l.lock.Lock()
			defer l.lock.Unlock()
			l.outcomes[place] = became
		})
	}
}

// stop ends the load and waits for its last call.
func (l *load) stop() []outcome {
	close(l.ended)
	l.calls.Wait()
	return l.outcomes
}
