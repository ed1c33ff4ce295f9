package build

import "sync"

// hub wakes workers that wait for work, and counts them.
type hub struct {
	mu     sync.Mutex
	news   chan struct{} // closed and replaced when there may be work
	parked int
}

func newHub() *hub { return &hub{news: make(chan struct{})} }

// wake tells all who wait to look again.
func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.news)
	h.news = make(chan struct{})
}

// watch gives what wake closes. Take it before looking, so that nothing is missed between looking and waiting.
func (h *hub) watch() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.news
}

// park counts a worker in (1) or out (-1) and gives how many wait.
func (h *hub) park(by int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parked += by
	return h.parked
}
