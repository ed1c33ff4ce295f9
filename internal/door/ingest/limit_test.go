package ingest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/track"
)

// batch is a body of so many events.
func batch(run string, n int) []byte {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"name":"x","user":"u","id":"%s-%d"}`, run, i)
	}
	return []byte(`{"events":[` + strings.Join(items, ",") + `]}`)
}

// sent sends a body, and gives when it says to come again.
func sent(t *testing.T, url, key string, body []byte, want int) (retryAfter string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(key, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		t.Errorf("%s: %s, not %d", body[:min(60, len(body))], res.Status, want)
	}
	return res.Header.Get("Retry-After")
}

// What comes faster than its source may send is refused, and taken when it comes again later; other sources are not held up.
func TestASourcesLimit(t *testing.T) {
	s := opened(t)
	var at atomic.Int64
	at.Store(time.Now().UnixNano())
	s.door.Clock(func() time.Time { return time.Unix(0, at.Load()) })
	src, _ := s.sources.Source(s.key)
	other, err := s.sources.Create(t.Context(), "person:ana", "shop", "production", "other")
	if err != nil {
		t.Fatal(err)
	}
	if src, err = s.sources.SetLimit(t.Context(), "person:ana", "shop", src.ID, 10, "it floods"); err != nil || src.Limit != 10 {
		t.Fatalf("%+v, %v", src, err)
	}
	send := func(key, run string, n, want int) (retryAfter string) {
		t.Helper()
		return sent(t, s.URL, key, batch(run, n), want)
	}
	send(s.key, "a", 60, 200) // ten seconds' worth may come at once
	send(s.key, "b", 39, 200)
	send(s.key, "c", 50, 200) // taken whole, and owed
	if after := send(s.key, "d", 1, 429); after != "5" {
		t.Errorf("come again after %q s", after)
	}
	send(s.key, "d", 1, 429)
	send(other.Key, "e", 500, 200)
	at.Add(int64(5 * time.Second))
	send(s.key, "d", 1, 200)
	if after := send(s.key, "f", 1, 429); after != "1" {
		t.Errorf("come again after %q s", after)
	}
	told := s.door.Refusals([]track.Source{src, other})
	if len(told) != 1 || told[0].Source != src.ID || told[0].Bodies != 3 || !told[0].Last.Equal(time.Unix(0, at.Load())) {
		t.Errorf("told of %+v", told)
	}
	if _, err := s.sources.SetLimit(t.Context(), "person:ana", "shop", src.ID, 0, ""); err != nil {
		t.Fatal(err)
	}
	send(s.key, "f", 900, 200)
	if events, _ := s.logged(); len(events) != 60+39+50+500+1+900 {
		t.Errorf("the log has %d", len(events))
	}
	for _, wrong := range []int64{-1, 1e9} {
		if _, err := s.sources.SetLimit(t.Context(), "person:ana", "shop", src.ID, wrong, ""); err == nil {
			t.Errorf("a limit of %d", wrong)
		}
	}
}

// Who is refused is told to come when those before have come, and so not all at once; whose time has passed without him is not waited for.
func TestTheRefusedComeOneAfterTheOther(t *testing.T) {
	s := opened(t)
	var at atomic.Int64
	at.Store(time.Now().UnixNano())
	s.door.Clock(func() time.Time { return time.Unix(0, at.Load()) })
	src, _ := s.sources.Source(s.key)
	if _, err := s.sources.SetLimit(t.Context(), "person:ana", "shop", src.ID, 10, "it floods"); err != nil {
		t.Fatal(err)
	}
	run := 0
	send := func(n, want int) (retryAfter string) {
		t.Helper()
		run++
		return sent(t, s.URL, s.key, batch(fmt.Sprint(run), n), want)
	}
	told := func(want ...string) {
		t.Helper()
		var got []string
		for range want {
			got = append(got, send(20, 429))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("told to come after %v s, not %v", got, want)
		}
	}
	send(100, 200)
	told("1", "3", "5", "7", "9", "1") // 20 events each, at 10 a second; those beyond ten seconds come with the others
	at.Add(int64(200 * time.Millisecond))
	send(20, 200) // is owed for
	told("2", "4")
	at.Add(int64(15 * time.Second)) // nobody came
	send(150, 200)
	told("6", "8") // 50 are owed
}

// The key may be in the body alone: it counts for the same bucket.
func TestALimitWithTheKeyInTheBody(t *testing.T) {
	s := opened(t)
	src, _ := s.sources.Source(s.key)
	if _, err := s.sources.SetLimit(t.Context(), "person:ana", "shop", src.ID, 1, ""); err != nil {
		t.Fatal(err)
	}
	body := func(n int) []byte {
		return []byte(fmt.Sprintf(`{"writeKey":%q,"batch":[%s]}`, s.key, strings.TrimSuffix(strings.Repeat(`{"type":"track","event":"x","userId":"u"},`, n), ",")))
	}
	if code, text := s.post("/v1/batch", body(100)); code != 200 {
		t.Fatal(code, text)
	}
	if code, text := s.post("/v1/batch", body(1)); code != 429 || !strings.Contains(text, `more came than the 1 events a second that the source \"web\" may send`) {
		t.Error(code, text)
	}
	if code, text := s.post("/v1/track", []byte(`{"event":"x","userId":"u"}`), "Authorization", basic(s.key+":")); code != 429 {
		t.Error(code, text)
	}
}
