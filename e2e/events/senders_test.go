package events

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// form is how one kind of client sends events.
type form struct {
	name, path string
	most       int // events in a request
	item       func(id string) string
	broken     func(id string) string // one that is no event
	body       func(items []string, key string) []byte
}

func forms() []form {
	segment := func(id string) string {
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","userId":"u1","messageId":%q,"properties":{"total":12.5}}`, id)
	}
	return []form{
		{"segment", "/v1/batch", 30, segment, func(id string) string { return fmt.Sprintf(`{"type":"track","event":"x","messageId":%q}`, id) }, func(items []string, key string) []byte {
			return fmt.Appendf(nil, `{"batch":[%s],"writeKey":%q}`, strings.Join(items, ","), key)
		}},
		{"single", "/v1/track", 1, segment, nil, func(items []string, _ string) []byte { return []byte(items[0]) }},
		{"posthog", "/batch/", 30, func(id string) string {
			return fmt.Sprintf(`{"event":"Order Completed","distinct_id":"u1","uuid":%q,"properties":{"total":12.5}}`, id)
		}, func(id string) string { return fmt.Sprintf(`{"event":"x","uuid":%q}`, id) }, func(items []string, key string) []byte {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = fmt.Fprintf(z, `{"batch":[%s],"api_key":%q}`, strings.Join(items, ","), key)
			_ = z.Close()
			return b.Bytes()
		}},
		{"plain", "/v1/events", 30, func(id string) string {
			return fmt.Sprintf(`{"name":"order_completed","user":"u1","id":%q,"properties":{"total":12.5}}`, id)
		}, func(id string) string { return fmt.Sprintf(`{"name":{},"id":%q}`, id) }, func(items []string, _ string) []byte { return []byte("[" + strings.Join(items, ",") + "]") }},
	}
}

// crowd sends until it is told to stop, and keeps book.
type crowd struct {
	t         *testing.T
	url, key  string
	client    *http.Client
	wg        sync.WaitGroup
	stopped   atomic.Bool
	answers   atomic.Int64 // yes
	noAnswers atomic.Int64
	repeated  atomic.Int64 // as the server says

	mu    sync.Mutex
	sent  map[string]bool
	acked map[string]bool
}

// send starts two senders of each form.
func (s *server) send(seed uint64) *crowd {
	c := &crowd{t: s.T, url: "http://" + s.addr, key: s.key, client: &http.Client{Timeout: patience}, sent: map[string]bool{}, acked: map[string]bool{}}
	for i, f := range append(forms(), forms()...) {
		c.wg.Go(func() { c.sender(f, i, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	s.Cleanup(c.stop)
	return c
}

// stop ends the senders; what they were at may have come or not.
func (c *crowd) stop() {
	c.stopped.Store(true)
	c.wg.Wait()
}

// sender sends one request after the other, each until it is answered, and now and then once more: a client whose answer was lost does so.
func (c *crowd) sender(f form, number int, dice *rand.Rand) {
	for n := 0; !c.stopped.Load(); n++ {
		var ids, items []string
		for i := range 1 + dice.IntN(f.most) {
			id := fmt.Sprintf("%s-%d-%d-%d", f.name, number, n, i)
			ids, items = append(ids, id), append(items, f.item(id))
		}
		if f.most > 1 {
			items = append(items, items[0]) // twice in one request
		}
		good := len(items)
		if f.broken != nil && dice.IntN(3) == 0 {
			id := fmt.Sprintf("%s-%d-%d-broken", f.name, number, n)
			ids, items = append(ids, id), append(items, f.broken(id), f.broken(id))
		}
		body := f.body(items, c.key)
		c.note(c.sent, ids)
		taken := c.post(f, body, good, len(items)-good)
		for !taken && !c.stopped.Load() {
			time.Sleep(time.Duration(5+dice.IntN(40)) * time.Millisecond) // as clients do
			taken = c.post(f, body, good, len(items)-good)
		}
		if taken {
			c.note(c.acked, ids)
		}
		if dice.IntN(4) == 0 {
			c.post(f, body, good, len(items)-good)
		}
		time.Sleep(time.Duration(dice.IntN(15)) * time.Millisecond) // a load that two cores bear
	}
}

func (c *crowd) note(book map[string]bool, ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		book[id] = true
	}
}

// post tells whether the events, and failed ones, were taken. No answer and "later" are no; anything else fails the test.
func (c *crowd) post(f form, body []byte, good, broken int) bool {
	req, err := http.NewRequest(http.MethodPost, c.url+f.path, bytes.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return false
	}
	req.SetBasicAuth(c.key, "")
	res, err := c.client.Do(req)
	if err != nil {
		c.noAnswers.Add(1)
		return false
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode == http.StatusServiceUnavailable {
		c.noAnswers.Add(1)
		return false
	}
	var told struct {
		Accepted, Repeated int
		Failed             []any
	}
	if err := json.Unmarshal(answer, &told); err != nil || res.StatusCode != http.StatusOK || f.name == "plain" && (told.Accepted+told.Repeated != good || len(told.Failed) != broken) {
		c.t.Errorf("%s is answered %d %s", f.path, res.StatusCode, answer)
	}
	c.answers.Add(1)
	c.repeated.Add(int64(told.Repeated))
	return res.StatusCode == http.StatusOK
}
