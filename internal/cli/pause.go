package cli

import (
	"context"
	"time"
)

// restTime is how long a verb that looks again waits in between.
const restTime = 300 * time.Millisecond

// pause waits a moment and tells whether the program goes on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(restTime):
		return true
	}
}
