package evaluate

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// place is an environment, and what clients are told of its present Set.
type place struct {
	making sync.Mutex
	now    atomic.Pointer[messages]
}

// messages are what is made of one Set.
type messages struct {
	set *flag.Set
	by  sync.Map // *told by what tells keys apart
}

// told is what a kind of key is told: all of it is made once a change, by whoever needs it first.
type told struct {
	id      string // moves with what these keys see, and with nothing else
	changed time.Time
	env     string
	view    *flag.View
	payload []byte

	zipped  func() ([]byte, error)
	whole   func() frame // a message with the payload in it
	hint    frame        // one that says to fetch it
	refetch frame        // the same in OFREP's words
	parts   func() map[string]bool
}

// told gives what a key is told of a Set, or of a newer one that another stream has seen meanwhile.
func (d *Door) told(set *flag.Set, k flag.Key) (*told, error) {
	name, kind := set.App+"\x00"+set.Environment, k.Kind+"\x00"+k.Encryption
	v, ok := d.places.Load(name)
	if !ok {
		v, _ = d.places.LoadOrStore(name, &place{})
	}
	p := v.(*place) //nolint:forcetypeassert // nothing else is in there
	now := p.now.Load()
	if now != nil && now.set.Revision >= set.Revision {
		if t, ok := now.by.Load(kind); ok {
			return t.(*told), nil //nolint:forcetypeassert // nothing else is in there
		}
	}
	p.making.Lock()
	defer p.making.Unlock()
	before := p.now.Load()
	now = before
	if now == nil || now.set.Revision < set.Revision {
		now = &messages{set: set}
	}
	if t, ok := now.by.Load(kind); ok {
		return t.(*told), nil //nolint:forcetypeassert // nothing else is in there
	}
	view := now.set.View(k)
	id := identity(now.set, view)
	t := same(before, kind, id)
	if t == nil {
		var err error
		if t, err = tell(now.set, view, id, k.Encryption); err != nil {
			return nil, err
		}
	}
	now.by.Store(kind, t)
	p.now.Store(now)
	return t, nil
}

// same finds what was told before, where nothing has changed for this kind of key: a change elsewhere in the app sends nobody anything.
func same(before *messages, kind, id string) *told {
	if before == nil {
		return nil
	}
	if v, ok := before.by.Load(kind); ok {
		if t := v.(*told); t.id == id { //nolint:forcetypeassert // nothing else is in there
			return t
		}
	}
	return nil
}

// identity is a hash of what a view says, without the time of it, and of which flags are off, which OFREP tells. It is the same on all servers.
func identity(set *flag.Set, view *flag.View) string {
	said := view.Payload
	if end := bytes.LastIndex(said, []byte(`,"dateUpdated":`)); end > 0 {
		said = said[:end]
	}
	h := sha256.New()
	h.Write(said)
	for name := range view.Flags.Keys() {
		if f, ok := view.Flag(name); ok && !f.States[set.Environment].On {
			fmt.Fprintf(h, "\x00%s", name)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// tell makes what a kind of key is told.
func tell(set *flag.Set, view *flag.View, id, encryption string) (*told, error) {
	t := &told{id: id, changed: set.Changed, env: set.Environment, view: view, payload: view.Payload}
	if encryption != "" {
		var err error
		if t.payload, err = encrypted(view.Payload, encryption); err != nil {
			return nil, err
		}
	}
	t.zipped = sync.OnceValues(func() ([]byte, error) { return zipped(t.payload) })
	t.whole = sync.OnceValue(func() frame { return newFrame("id: %s\nevent: features\ndata: %s\n\n", id, t.payload) })
	t.hint = newFrame("id: %s\nevent: features-updated\ndata: {}\n\n", id)
	t.refetch = newFrame("id: %s\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":%q,\"lastModified\":%q}\n\n", id, id, t.modified())
	t.parts = sync.OnceValue(func() map[string]bool { return parts(view.Payload) })
	return t, nil
}

// modified is when it changed, as fine as it is known: of two changes in one second the second is the newer one.
func (t *told) modified() string { return t.changed.UTC().Format("2006-01-02T15:04:05.000000Z") }

// encrypted is a payload whose flags and groups only those can read who have the key. Each part has a vector of its own.
func encrypted(payload []byte, key string) ([]byte, error) {
	var from struct {
		Features    json.RawMessage `json:"features"`
		SavedGroups json.RawMessage `json:"savedGroups"`
		DateUpdated string          `json:"dateUpdated"`
	}
	if err := json.Unmarshal(payload, &from); err != nil {
		return nil, fmt.Errorf("read the payload, to encrypt it: %w", err)
	}
	to := struct {
		Status               int      `json:"status"`
		Features             struct{} `json:"features"`
		EncryptedFeatures    string   `json:"encryptedFeatures"`
		EncryptedSavedGroups string   `json:"encryptedSavedGroups,omitempty"`
		DateUpdated          string   `json:"dateUpdated"`
	}{Status: 200, DateUpdated: from.DateUpdated}
	for _, part := range []struct {
		text json.RawMessage
		into *string
	}{{from.Features, &to.EncryptedFeatures}, {from.SavedGroups, &to.EncryptedSavedGroups}} {
		if len(part.text) == 0 {
			continue
		}
		var vector [aes.BlockSize]byte
		_, _ = rand.Read(vector[:]) // never fails, as of Go 1.24
		var err error
		if *part.into, err = assign.Encrypt(string(part.text), key, vector); err != nil {
			return nil, err
		}
	}
	return json.Marshal(to)
}

func zipped(payload []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(payload); err != nil {
		return nil, fmt.Errorf("compress the payload: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress the payload: %w", err)
	}
	return b.Bytes(), nil
}
