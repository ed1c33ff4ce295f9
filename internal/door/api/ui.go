package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// uiPolicy lets the UI load from here only. Styles may be inline: charts set them on their elements.
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// noUI is shown when the program was built without the UI.
const noUI = "<!doctype html><html lang=\"en\"><title>Slipway</title><p>This slipway was built without its pages. Run <code>make build</code>. The API works: see <a href=\"/docs\">/docs</a>.\n"

// serveUI answers with a file of the UI, and with its page for every other path: the page finds its own way.
func (s *Server) serveUI(w http.ResponseWriter, r *http.Request) {
	securityHeaders(w, uiPolicy)
	if s.opts.UI == nil {
		s.serveBytes(w, r, "index.html", []byte(noUI))
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	text, err := fs.ReadFile(s.opts.UI, name)
	if err != nil && path.Ext(name) != "" && strings.HasPrefix(name, "assets/") {
		// An asset of another version: the page as an answer would only confuse the browser.
		s.writeProblem(w, r, fault.NotFound("there is no file %s", name))
		return
	}
	if err != nil {
		name = "index.html"
		text, err = fs.ReadFile(s.opts.UI, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		name, text, err = "index.html", []byte(noUI), nil
	}
	if err != nil {
		s.writeProblem(w, r, fmt.Errorf("read %s of the UI: %w", name, err))
		return
	}
	s.serveBytes(w, r, name, text)
}

// serveBytes serves a file by its contents: hashed ones for ever, the others as long as they are the same.
func (s *Server) serveBytes(w http.ResponseWriter, r *http.Request, name string, text []byte) {
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	sum := sha256.Sum256(text)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}
