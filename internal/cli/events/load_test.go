package events

import (
	"net/http"
	"testing"
	"time"
)

func TestWhenToSendAgain(t *testing.T) {
	for said, want := range map[string]time.Duration{"": retry, "7": 7 * time.Second, "0": retry, "-1": retry, "Wed, 21 Oct 2026 07:28:00 GMT": retry, "99999": giveUp, "10000000000": giveUp} {
		if got := retryAfter(http.Header{"Retry-After": {said}}); got != want {
			t.Errorf("Retry-After %q: %v, want %v", said, got, want)
		}
	}
}
