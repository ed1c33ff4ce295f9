package limit

import (
	"log/slog"
	"sync"
	"time"
)

// complaints tells of failures, and does not fill the log while there are many.
type complaints struct {
	logger *slog.Logger
	mu     sync.Mutex
	next   time.Time
	more   int // since the last time it was told
}

const quiet = 10 * time.Second

func (c *complaints) complain(decided OnError, group string, err error) {
	c.mu.Lock()
	now := time.Now()
	if now.Before(c.next) {
		c.more++
		c.mu.Unlock()
		return
	}
	more := c.more
	c.next, c.more = now.Add(quiet), 0
	c.mu.Unlock()
	logger := c.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.Warn("a limit did not answer", "group", group, "decided", decided.String(), "error", err, "more_before", more)
}
