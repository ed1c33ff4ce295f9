package clients

import (
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// trouble lets the client begin, loses the first answers that tell it that events are taken, and restarts the server behind them. The client is to send again what it was not told of, and the server to know it.
func (p *place) trouble(f *front, begin func()) {
	p.Helper()
	lost := make(chan struct{}, 2)
	f.mu.Lock()
	f.lose = func() bool {
		select {
		case lost <- struct{}{}:
			return true
		default:
			return false
		}
	}
	f.mu.Unlock()
	done := make(chan struct{})
	go func() { // received below
		defer close(done)
		begin()
	}()
	p.until("an answer is lost", func() bool { return len(lost) > 0 })
	p.server.Stop()
	p.start()
	<-done
}

func TestClientsSendAgain(t *testing.T) {
	for script, story := range map[string]func(time.Time) []said{"segment.mjs": segmentStory, "rudder.mjs": segmentStory, "posthog.mjs": posthogStory} {
		t.Run(script, func(t *testing.T) {
			p, at := newPlace(t), anHourAgo()
			f := p.newFront()
			p.trouble(f, func() { p.node(script, f.URL, at) })
			p.check(story(at))
		})
	}
	t.Run("go", func(t *testing.T) {
		p, at := newPlace(t), anHourAgo()
		f := p.newFront()
		p.trouble(f, func() { speakGo(t, p.key, f.URL, at) })
		p.check(segmentStory(at))
	})
	for page, story := range map[string][]said{"segment.html": nextStory(), "posthog.html": hogStory()} {
		t.Run(page, func(t *testing.T) {
			p := newPlace(t)
			f, b := p.newFront(), openTab(t)
			stays := slices.DeleteFunc(story, func(s said) bool { return s.name == "Left" || s.name == "$pageleave" })
			for i := range stays {
				if stays[i].user == "" {
					stays[i].user = anyone // Segment's client, when it sends again, says who is there by then
				}
			}
			p.trouble(f, func() {
				b.open(page, f, p.key, "")
				b.tell("await story()")
			})
			p.until("all is taken", func() bool { return f.count() == len(stays) })
			p.check(stays)
		})
	}
}

// The clock of a device may be wrong: what its events say is corrected by when they were sent.
func TestClocksAreCorrected(t *testing.T) {
	p := newPlace(t)
	f, b := p.newFront(), openTab(t)
	b.open("segment.html", f, p.key, "")
	b.tell(`const real = Date; const back = 3 * 3600e3;
		Date = class extends real { constructor(...a) { a.length ? super(...a) : super(real.now() - back) } static now() { return real.now() - back } };
		await analytics.track('early')`)
	p.until("it is taken", func() bool { return f.count() == 1 })
	e := p.check([]said{{kind: capture.Track, name: "early", anonymous: whose}})[0]
	if e.Original.After(p.began) || e.Time.Before(p.began) {
		t.Errorf("happened at %s by the device, at %s as it is kept; the test began at %s", e.Original, e.Time, p.began)
	}
}
