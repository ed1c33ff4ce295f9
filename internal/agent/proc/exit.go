package proc

import (
	"sync"
	"time"
)

// exitWatch tells when a process, ours or not, has ended. It can be given up, unlike a wait for a child.
type exitWatch struct {
	id     Ident
	handle *exitHandle // nil where the system has none: then it is looked at now and then
	quit   chan struct{}
	once   sync.Once
	gone   sync.WaitGroup
}

func watchExit(id Ident) *exitWatch {
	return &exitWatch{id: id, handle: openExit(id), quit: make(chan struct{})}
}

// ended starts watching; the channel is closed when the process has ended (it may still be a zombie).
func (w *exitWatch) ended() <-chan struct{} {
	c := make(chan struct{})
	w.gone.Go(func() {
		if w.handle != nil && w.handle.wait() {
			close(c)
			return
		}
		if w.poll() {
			close(c)
		}
	})
	return c
}

// poll is the way without a handle.
func (w *exitWatch) poll() bool {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for w.id.Alive() {
		select {
		case <-w.quit:
			return false
		case <-tick.C:
		}
	}
	return true
}

// close gives up watching and waits until nothing of it runs any more.
func (w *exitWatch) close() {
	w.once.Do(func() {
		close(w.quit)
		if w.handle != nil {
			w.handle.close()
		}
	})
	w.gone.Wait()
}
