package proc

import (
	"fmt"
	"os"
	"sync"
)

// held is our end of the gate in front of a command.
type held struct {
	mu   sync.Mutex
	pipe *os.File
}

func (h *held) release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pipe == nil {
		return nil
	}
	if _, err := h.pipe.WriteString("go\n"); err != nil {
		return fmt.Errorf("release the command: %w", err)
	}
	return nil
}

// close ends the command if it was never released.
func (h *held) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	closeAll([]*os.File{h.pipe})
	h.pipe = nil
}
