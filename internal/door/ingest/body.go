package ingest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// errKey is a write key that is nobody's.
var errKey error = fault.Unauthorized("the write key is not known; copy it from Settings > Sources of the app")

// bodyTime is how long a body may take to come: 1 MB from a phone with hardly any network.
const bodyTime = time.Minute

// errSlow tells a client to come again. It is no 408, which some clients take for the end.
var errSlow error = api.Unavailable("the body did not come in time; send less at once")

// receive takes a body from the network. It counts as under way until done.
func (e *Events) receive(w http.ResponseWriter, r *http.Request) (body []byte, done func(), err error) {
	from := e.held.reader(io.LimitReader(r.Body, 2*capture.MaxBatch+1)) // a form in base64 is a third larger
	// It ends with the body: what it takes from then on is not the sender's time.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.bodyTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, from.done, fmt.Errorf("bound the time of a body: %w", err)
	}
	switch body, err = io.ReadAll(from); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	case err != nil && !errors.Is(err, errCrowded):
		err = api.Malformed("the body ended early")
	}
	return body, from.done, err
}

// weight is how much work a body may be, in bytes: a packed one may be many times as large.
func weight(body []byte) int {
	if packed(body) || bytes.HasPrefix(body, formSign) {
		return max(len(body), capture.MaxBatch)
	}
	return len(body)
}

// packed looks at the first bytes: gzip and zstd have a number of their own, with which no JSON begins.
func packed(body []byte) bool {
	return bytes.HasPrefix(body, gzipSign) || bytes.HasPrefix(body, zstdSign)
}

// unpack gives the JSON of a body, whatever it says that it is: clients compress without saying so, and say that JSON is a form.
func unpack(body []byte) ([]byte, error) {
	body, err := decompress(body)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(body, formSign) { // what browsers send as a form
		if body, err = form(body); err != nil {
			return nil, err
		}
		if body, err = decompress(body); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// What bodies begin with that are packed, or a form, which may be packed inside.
var (
	gzipSign = []byte{0x1f, 0x8b}
	zstdSign = []byte{0x28, 0xb5, 0x2f, 0xfd}
	formSign = []byte("data=")
)

// decompress unpacks what is packed.
func decompress(body []byte) ([]byte, error) {
	var from io.Reader
	switch {
	case bytes.HasPrefix(body, gzipSign):
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, api.Malformed("the body is not the gzip that it begins like")
		}
		from = z
	case bytes.HasPrefix(body, zstdSign):
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8<<20))
		if err != nil {
			return nil, api.Malformed("the body is not the zstd that it begins like")
		}
		defer z.Close()
		from = z
	default:
		return body, nil
	}
	out, err := io.ReadAll(io.LimitReader(from, capture.MaxBatch+1)) // more is refused by its size, however small it was packed
	if err != nil {
		return nil, api.Malformed("the compressed body ends early or is broken")
	}
	return out, nil
}

// form takes the JSON out of "data=…": as it is, or in base64.
func form(body []byte) ([]byte, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, api.Malformed("the form cannot be read")
	}
	data := values.Get("data")
	if strings.HasPrefix(data, "{") || strings.HasPrefix(data, "[") {
		return []byte(data), nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(data, " ", "+")) // a plus that a form made a blank
	if err != nil {
		return nil, api.Malformed("data is neither JSON nor base64")
	}
	return raw, nil
}

// cloudEvent puts a CloudEvent in binary mode together. Other bodies stay as they are.
func cloudEvent(r *http.Request, body []byte) ([]byte, error) {
	if r.Header.Get("Ce-Specversion") == "" {
		return body, nil
	}
	attributes := map[string]string{}
	for name, values := range r.Header {
		if attribute, ok := strings.CutPrefix(name, "Ce-"); ok {
			value, err := url.PathUnescape(values[0]) // the HTTP binding escapes what headers cannot hold
			if err != nil {
				value = values[0]
			}
			attributes[strings.ToLower(attribute)] = value
		}
	}
	return capture.CloudEventOf(attributes, r.Header.Get("Content-Type"), body)
}

// unreadable is a body that is refused whole.
func unreadable(err error) error { return api.Malformed(err.Error()) }

// headerKey is the write key in the header: the name of HTTP Basic, or a Bearer.
func headerKey(r *http.Request) string {
	key, _, ok := r.BasicAuth()
	if ok {
		return key
	}
	switch kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.ToLower(kind) {
	case "bearer":
		return value
	case "basic": // some clients leave out the colon
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
			return string(raw)
		}
	}
	return ""
}

// addressKey is the write key in the address.
func addressKey(r *http.Request) string {
	query := r.URL.Query()
	return cmp.Or(query.Get("write_key"), query.Get("api_key"))
}

// sender is whose turn it is to be read: by the key that the request brings, or that stands in its body as clients write it. Nothing is believed of it that is not looked at again. A packed body with the key inside counts by the address it
// comes from.
func (e *Events) sender(r *http.Request, body []byte) string {
	if key := headerKey(r); key != "" {
		return key
	}
	for _, name := range [...]string{`"writeKey":"`, `"api_key":"`, `"token":"`} {
		if _, rest, ok := bytes.Cut(body, []byte(name)); ok {
			if key, _, ok := bytes.Cut(rest[:min(len(rest), 100)], []byte(`"`)); ok {
				if _, known := e.sources.Source(string(key)); known {
					return string(key)
				}
			}
		}
	}
	if key := addressKey(r); key != "" {
		if _, known := e.sources.Source(key); known {
			return key
		}
	}
	return address(r)
}

// source finds whose key came: in the header, in the body, or in the address.
func (e *Events) source(r *http.Request, inBody string) (track.Source, error) {
	key := cmp.Or(headerKey(r), inBody, addressKey(r))
	if key == "" {
		return track.Source{}, fault.Unauthorized("the request has no write key; send that of a source as \"Authorization: Bearer wk_…\", as the user of HTTP Basic, or in the address as ?write_key=wk_…")
	}
	source, ok := e.sources.Source(key)
	if !ok {
		return source, errKey
	}
	if source.Stopped {
		return source, fault.Forbidden("the source %q was stopped, and takes no events; resume it under Settings > Sources", source.Name)
	}
	return source, nil
}

// address is who a request comes from. A proxy on this machine, which is the only one that may speak plain, says for whom it asks: the last address is its own word.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	if said := r.Header.Values("X-Forwarded-For"); len(said) > 0 && net.ParseIP(host).IsLoopback() {
		all := strings.Split(said[len(said)-1], ",")
		if last := strings.TrimSpace(all[len(all)-1]); net.ParseIP(last) != nil {
			return last
		}
	}
	return host
}

// network is an address without what tells one computer from its neighbours: the last 8 bits of an IPv4 address, and all but the first 48 of an IPv6 address, are not kept. Nothing for what is no address.
func network(s string) string {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	bits := 48
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.Addr().String()
}

// refuse answers what was not taken.
func (e *Events) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *api.Problem
	if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if l := (limited{}); errors.As(err, &l) {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(l.wait.Seconds()))))
	}
	// Also where the caller's time is over, for it need not have hung up: the server may be going down, and no answer would be 200.
	if api.WriteProblem(w, err) >= http.StatusInternalServerError && r.Context().Err() == nil && !errors.Is(err, errSlow) {
		e.log.Error("events are not taken; their clients will send them again", "error", err)
	}
}

// writeJSON answers 200.
func writeJSON(w http.ResponseWriter, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // who does not listen any more needs no answer
}
