package power

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{90 * time.Second: "90 s", 4 * time.Minute: "4 min", 5 * time.Hour: "5 h", 90 * time.Hour: "4 d"} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
