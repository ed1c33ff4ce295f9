package events

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// door takes events, and answers each body with the next of these statuses; the last one stays.
func door(t *testing.T, statuses ...int) (url string, bodies *[]map[string]any) {
	t.Helper()
	bodies = &[]map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/v1/events" || r.Header.Get("Authorization") != "Bearer wk_1" {
			t.Errorf("%s with %q: %v", r.URL, r.Header.Get("Authorization"), err)
		}
		*bodies = append(*bodies, body)
		w.WriteHeader(statuses[min(len(*bodies), len(statuses))-1])
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

func teller(t *testing.T, url string, share float64) *Teller {
	t.Helper()
	tell, err := New(Options{URL: url, Key: "wk_1", Release: "rel_1/agt_1", Share: share, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return tell
}

// ended runs a teller that is told to end at once: it sends what is noted, and returns.
func ended(t *testing.T, tell *Teller) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	end()
	tell.Run(ctx)
}

func TestTheEndSendsWhatIsLeft(t *testing.T) {
	url, bodies := door(t, http.StatusAccepted)
	tell := teller(t, url, 1)
	tell.Tell(Event{Kind: "page", Name: "page_viewed", Anonymous: "a"})
	tell.Tell(Event{Name: "order_completed", Anonymous: "a", User: "u", Properties: map[string]any{"price": 12.5}})
	ended(t, tell)
	ended(t, tell)
	if len(*bodies) != 1 || (*bodies)[0]["release"] != "rel_1/agt_1" {
		t.Fatalf("got %v", *bodies)
	}
	events := (*bodies)[0]["events"].([]any)
	order := events[1].(map[string]any)
	if len(events) != 2 || order["name"] != "order_completed" || order["user"] != "u" || order["id"] == "" || order["time"] == "" || order["properties"].(map[string]any)["price"] != 12.5 {
		t.Errorf("got %v", events)
	}
}

func TestWhatWasNotTakenIsSentAgainWithItsID(t *testing.T) {
	for status, again := range map[int]bool{503: true, 429: true, 401: false, 400: false} {
		url, bodies := door(t, status, http.StatusAccepted)
		tell := teller(t, url, 1)
		tell.Tell(Event{Name: "x", Anonymous: "a"})
		tell.send(t.Context())
		tell.send(t.Context())
		if (len(*bodies) == 2) != again {
			t.Errorf("after %d: %d bodies", status, len(*bodies))
			continue
		}
		if again && fmt.Sprint((*bodies)[0]["events"]) != fmt.Sprint((*bodies)[1]["events"]) {
			t.Errorf("after %d another event was sent: %v", status, *bodies)
		}
	}
}

func TestWhileNobodyAnswersABoundedNumberWaits(t *testing.T) {
	tell := teller(t, "http://127.0.0.1:1", 1)
	for range 3 {
		for range maxKept {
			tell.Tell(Event{Name: "x", Anonymous: "a"})
		}
		tell.send(t.Context())
	}
	if len(tell.kept) != maxKept {
		t.Errorf("%d wait", len(tell.kept))
	}
}

// All of a visitor or nothing, whichever host serves it.
func TestVisitorsAreDrawnWhole(t *testing.T) {
	one, other := teller(t, "http://127.0.0.1:1", 0.2), teller(t, "http://127.0.0.1:1", 0.2)
	for i := range 1000 {
		who := fmt.Sprint("visitor", i)
		one.Tell(Event{Name: "x", Anonymous: who})
		other.Tell(Event{Name: "y", Anonymous: who})
	}
	if n := len(one.kept); n < 130 || n > 270 || len(other.kept) != n {
		t.Fatalf("%d and %d of 1000 are told of, want some 200", n, len(other.kept))
	}
	for i := range one.kept {
		if one.kept[i].Anonymous != other.kept[i].Anonymous {
			t.Errorf("%s on one, %s on the other", one.kept[i].Anonymous, other.kept[i].Anonymous)
		}
	}
	for share, want := range map[float64]bool{0: false, 1: true} {
		if drawn("a", share) != want {
			t.Errorf("a share of %v", share)
		}
	}
}

func TestOptions(t *testing.T) {
	none, err := New(Options{})
	if none != nil || err != nil {
		t.Errorf("without an address: %v, %v", none, err)
	}
	none.Tell(Event{Name: "x"})
	none.Run(t.Context())
	for _, o := range []Options{{URL: "here", Key: "wk_1"}, {URL: "http://127.0.0.1:1"}, {URL: "http://127.0.0.1:1", Key: "wk_1", Share: 2}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
