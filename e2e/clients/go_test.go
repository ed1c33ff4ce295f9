package clients

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// delivered counts what the client says of its messages.
type delivered struct {
	sync.WaitGroup
	t *testing.T
}

func (d *delivered) Success(analytics.Message) { d.Done() }

func (d *delivered) Failure(m analytics.Message, err error) {
	d.t.Errorf("not delivered: %+v: %v", m, err)
	d.Done()
}

// speakGo tells the client in Go its story, and waits until it is delivered.
func speakGo(t *testing.T, key, address string, at time.Time) {
	t.Helper()
	d := &delivered{t: t}
	client, err := analytics.NewWithConfig(key, analytics.Config{Endpoint: address, Interval: 100 * time.Millisecond, BatchSize: 20, Callback: d})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(m analytics.Message) {
		d.Add(1)
		if err := client.Enqueue(m); err != nil {
			t.Errorf("%+v: %v", m, err)
			d.Done()
		}
	}
	tell(analytics.Identify{UserId: "u1", Traits: analytics.NewTraits().Set("plan", "pro").SetName("Zoë 🎉"), Timestamp: at})
	tell(analytics.Track{UserId: "u1", Event: "Order Completed", Properties: analytics.Properties{"total": 12.5, "items": []string{"a", "b"}, "empty": nil}, Timestamp: at})
	tell(analytics.Page{UserId: "u1", Name: "Pricing", Properties: analytics.NewProperties().SetURL("https://shop.example/pricing").Set("category", "Docs"), Timestamp: at})
	tell(analytics.Screen{AnonymousId: "a1", Name: "Cart", Properties: analytics.Properties{"dark": true}, Timestamp: at})
	tell(analytics.Group{UserId: "u1", GroupId: "g1", Traits: analytics.Traits{"seats": 3}, Timestamp: at})
	tell(analytics.Alias{UserId: "u1", PreviousId: "a1", Timestamp: at})
	for n := range burst {
		tell(analytics.Track{AnonymousId: "a1", Event: "burst", Properties: analytics.Properties{"n": n}})
	}
	d.Wait()
	if err := client.Close(); err != nil {
		t.Error(fmt.Errorf("close the client: %w", err))
	}
}

func TestClientInGo(t *testing.T) {
	p, at := newPlace(t), anHourAgo()
	speakGo(t, p.key, p.server.URL(), at)
	p.check(segmentStory(at))
}
