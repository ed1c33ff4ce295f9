package sink

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// TestAFloodIsBoundedAndCounted: each packet is either read or counted as dropped by the kernel; each line is in a series or dropped; and those who were there before keep their place.
func TestAFloodIsBoundedAndCounted(t *testing.T) {
	s := start(t, nil)
	port := open(t, s, fresh)
	send := client(t, loopback(port))
	send("orders:1|c\nvisitors:a|s")
	collect(t, s, 1)
	const packets, senders = 150_000, 4
	var wg sync.WaitGroup
	for i := range senders {
		flood := client(t, loopback(port))
		wg.Go(func() {
			for n := i; n < packets; n += senders {
				flood(fmt.Sprintf("noise.%d:1|c\nvisitors:%d|s\nbroken", n, n))
			}
		})
	}
	seconds := make(chan event.StatsdCount)
	flooded := make(chan struct{})
	series, lost := 0, int64(0)
	go func() {
		var sum event.StatsdCount
		sum.Dropped = map[string]int64{}
		for quiet, drains := 0, 0; quiet < 20; time.Sleep(20 * time.Millisecond) {
			if drains++; drains == 30 { // each is a second to the sink, which remembers a name for sixty: on a slow machine, too, the flood is over by then
				<-flooded
			}
			sec := s.Drain(all)
			series = max(series, len(sec.Metrics[fresh]))
			lost += sec.Lost[fresh]
			if sec.Count == nil {
				select {
				case <-flooded:
					quiet++
				default:
				}
				continue
			}
			quiet = 0
			sum.Packets += sec.Count.Packets
			sum.Lines += sec.Count.Lines
			for why, n := range sec.Count.Dropped {
				sum.Dropped[why] += n
			}
		}
		seconds <- sum
	}()
	wg.Wait()
	send("orders:1|c")
	close(flooded)
	sum := <-seconds
	t.Logf("%+v", sum)
	if got := sum.Packets + sum.Dropped["kernel"]; got != packets+1 {
		t.Errorf("%d packets were sent, %d are accounted for: %+v", packets+1, got, sum)
	}
	if lost != sum.Dropped["kernel"]+sum.Dropped["names"]+sum.Dropped["members"] {
		t.Errorf("the release has lost %d: %+v", lost, sum)
	}
	if sum.Dropped["malformed"] == 0 || sum.Dropped["names"] == 0 || series > mostSeries {
		t.Errorf("%d series; %+v", series, sum)
	}
	send("orders:1|c")
	metrics, _ := collect(t, s, 1)
	if len(metrics[fresh]) != 1 || metrics[fresh][0].Name != "orders" {
		t.Errorf("after the flood orders are %v", metrics)
	}
}

// TestOneSocketIsReadSoOftenInASecond: what comes beyond waits for the next.
func TestOneSocketIsReadSoOftenInASecond(t *testing.T) {
	s := New(Options{Logger: slog.New(slog.DiscardHandler)})
	c, line := &socket{}, newLine()
	for range mostPackets - 1 {
		if s.take(c, old, []byte("a:1|c"), line) != nil {
			t.Fatal("it must wait too early")
		}
	}
	wait := s.take(c, old, []byte("a:1|c"), line)
	if wait == nil {
		t.Fatal("it must not wait")
	}
	s.mu.Lock()
	s.common = append(s.common, c)
	s.mu.Unlock()
	s.Drain(nil)
	<-wait
	if s.take(c, old, []byte("a:1|c"), line) != nil {
		t.Error("it must wait in the next second, too")
	}
}

func TestMembersOfSetsAreBounded(t *testing.T) {
	s := New(Options{})
	c, line := &socket{}, newLine()
	for n := range mostMembers + 10 {
		s.take(c, old, fmt.Appendf(nil, "who:%d|s", n), line)
	}
	s.take(c, old, []byte("who:1|s"), line) // who is known still counts
	sec := s.Drain(nil)
	if m := sec.Metrics[old][0]; m.Distinct != mostMembers || m.Values != mostMembers+1 || sec.Count.Dropped[dropMembers] != 10 {
		t.Errorf("%+v, %+v", m, sec.Count)
	}
}

// TestWhatIsLostOfTheCommonSocketMayBeAnybodys: a release that sends there may have said more than was counted, and nobody knows which.
func TestWhatIsLostOfTheCommonSocketMayBeAnybodys(t *testing.T) {
	s := New(Options{})
	s.Drain(all)
	s.mu.Lock()
	s.lose(&socket{common: true}, 2)
	s.lose(&socket{owner: old}, 1)
	s.mu.Unlock()
	if sec := s.Drain(nil); len(sec.Lost) != 2 || sec.Lost[old] != 3 || sec.Lost[fresh] != 2 {
		t.Errorf("%v", sec.Lost)
	}
	if sec := s.Drain(nil); len(sec.Lost) != 0 {
		t.Errorf("again: %v", sec.Lost)
	}
}

func TestWhatIsUnusedIsForgotten(t *testing.T) {
	s := New(Options{})
	c, line := &socket{}, newLine()
	for n := range mostSeries + 1 {
		s.take(c, old, fmt.Appendf(nil, "n%d:1|c", n), line)
	}
	for range 70 {
		s.Drain(nil)
	}
	if len(s.books) != 0 {
		t.Errorf("%d books are kept", len(s.books))
	}
	s.take(c, old, []byte("late:1|c"), line)
	if sec := s.Drain(nil); len(sec.Metrics[old]) != 1 || sec.Count.Dropped != nil {
		t.Errorf("after a minute: %+v", sec)
	}
}
