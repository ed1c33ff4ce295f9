package edge

import (
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// page is all that a visitor sees when nobody can answer: no script, no style from elsewhere, light and dark.
const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>TITLE</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}h1{font-size:1.5rem}small{opacity:.6}</style>
</head><body><h1>TITLE</h1><p>TEXT</p><small>NOTE</small></body></html>
`

// say writes a page, as HTML or as text, whichever the visitor's program asks for.
func say(w http.ResponseWriter, r *http.Request, status int, title, text, note string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	content := title + "\n" + text + "\n"
	if note != "" {
		content += note + "\n"
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		content = strings.NewReplacer("TITLE", title, "TEXT", text, "NOTE", html.EscapeString(note)).Replace(page)
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, content) // the visitor may be gone
	}
}

// nobody answers where no environment wants the request, or its first release is not out yet.
func nobody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	say(w, r, http.StatusServiceUnavailable, "Nothing is here yet", "No release serves this address at the moment. Please try again in a little while.", "")
}

// sorry answers for a release that did not. It decides what counts as an error (ADR 0042).
func (x *exchange) sorry(w http.ResponseWriter, _ *http.Request, err error) {
	if x.in.Context().Err() != nil && x.edge.alive.Err() == nil {
		x.failed = x.failed || x.count.Waited() >= x.edge.opts.Patience
		return // nobody is there to read
	}
	x.failed = true
	x.mark(w.Header())
	note := "Request " + x.origin.request
	var timeout net.Error
	switch {
	case errors.Is(err, errNoBackend):
		w.Header().Set("Retry-After", "1")
		say(w, x.in, http.StatusServiceUnavailable, "Back in a moment", "The site cannot answer right now. Please try again in a few seconds.", note)
	case errors.As(err, &timeout) && timeout.Timeout():
		say(w, x.in, http.StatusGatewayTimeout, "That took too long", "The site did not answer in time. Please try again.", note)
	default:
		say(w, x.in, http.StatusBadGateway, "Something broke on the way", "The site did not answer properly. Please try again.", note)
	}
	x.edge.opts.Logger.Debug("a request got no answer", "host", x.in.Host, "path", x.in.URL.Path, "error", err)
}
