package clients

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
)

// front stands before the server, as a proxy does that ends TLS. It changes nothing, and knows of which events the client was told that they are taken.
type front struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string]bool // by id
	asked map[string]int  // paths with their answers
	// lose, if given, says whether an answer to events is lost on its way, and the connection with it.
	lose func() bool
}

// idOf finds the ids in bodies of Segment's and PostHog's clients.
var idOf = regexp.MustCompile(`"(?:messageId|uuid)":"([^"]+)"`)

type bodyKey struct{}

// newFront puts a front before the place.
func (p *place) newFront() *front {
	p.Helper()
	f := &front{taken: map[string]bool{}, asked: map[string]int{}}
	to := &url.URL{Scheme: "http", Host: p.addr}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which the server tells clients
		},
		ModifyResponse: f.answered,
		// A server that does not answer is to look like none.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bodyKey{}, body)))
	}))
	p.Cleanup(f.Close)
	return f
}

var errLost = errors.New("lost on the way")

// answered looks at an answer before the client does.
func (f *front) answered(r *http.Response) error {
	body, _ := r.Request.Context().Value(bodyKey{}).([]byte)
	ids := idOf.FindAllSubmatch(plain(body), -1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[fmt.Sprintf("%s %s: %d", r.Request.Method, r.Request.URL.Path, r.StatusCode)]++
	if len(ids) == 0 {
		return nil
	}
	if f.lose != nil && f.lose() {
		return errLost
	}
	for _, id := range ids {
		f.taken[string(id[1])] = f.taken[string(id[1])] || r.StatusCode == http.StatusOK
	}
	return nil
}

// plain is a body as it was before it was compressed, or put into a form.
func plain(body []byte) []byte {
	if form, ok := bytes.CutPrefix(body, []byte("data=")); ok {
		text, err := url.QueryUnescape(string(form))
		if err != nil {
			return body
		}
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			return raw
		}
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return body
	}
	return out
}

// count is of how many events the client knows that they are taken.
func (f *front) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, taken := range f.taken {
		if taken {
			n++
		}
	}
	return n
}

// answers is how often a path was answered in a way.
func (f *front) answers(how string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[how]
}
