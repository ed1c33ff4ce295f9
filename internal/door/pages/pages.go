// Package pages serves files to browsers: the UI, and whatever else a door shows.
package pages

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

// Policy lets the UI load from here only. Styles may be inline: charts set them on their elements.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// noPages is shown when the program was built without the UI.
const noPages = "<!doctype html><html lang=\"en\"><title>Slipway</title><p>This slipway was built without its pages. Run <code>make build</code>. The API works: see <a href=\"/docs\">/docs</a>.\n"

// UI answers with a file of the UI, and with its page for every other path: the page finds its own way. files is nil where the program has none. An error is for the caller to tell.
func UI(w http.ResponseWriter, r *http.Request, files fs.FS) error {
	Headers(w, Policy)
	if files == nil {
		File(w, r, "index.html", []byte(noPages))
		return nil
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	text, err := fs.ReadFile(files, name)
	if err != nil && path.Ext(name) != "" && strings.HasPrefix(name, "assets/") {
		// An asset of another version: the page as an answer would only confuse the browser.
		return fault.NotFound("there is no file %s", name)
	}
	if err != nil {
		name = "index.html"
		text, err = fs.ReadFile(files, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		name, text, err = "index.html", []byte(noPages), nil
	}
	if err != nil {
		return fmt.Errorf("read %s of the UI: %w", name, err)
	}
	File(w, r, name, text)
	return nil
}

// File serves a file by its contents: hashed ones for ever, the others as long as they are the same.
func File(w http.ResponseWriter, r *http.Request, name string, text []byte) {
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	sum := sha256.Sum256(text)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}

// Headers are those of every page: what it may load, and who may show or open it.
func Headers(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
