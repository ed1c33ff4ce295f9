package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/slipwayhq/slipway/examples/shop/session"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates: every page with the layout and the other parts.
type pages struct {
	byName map[string]*template.Template
}

// sheet is what a template sees.
type sheet struct {
	Title  string
	Data   any
	Pieces int // in the visitor's cart
}

func newPages(a *assets) (*pages, error) {
	around, err := template.New("around").Funcs(template.FuncMap{"asset": a.url}).ParseFS(templateFiles, "templates/parts/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	p := &pages{byName: make(map[string]*template.Template, len(files))}
	for _, file := range files {
		page, err := template.Must(around.Clone()).ParseFS(templateFiles, file)
		if err != nil {
			return nil, err
		}
		p.byName[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return p, nil
}

// render writes a page in whole, so that an error is never half a page. A redirect has no page.
func (p *pages) render(a answer, who session.Session) ([]byte, error) {
	if a.redirect != "" {
		return nil, nil
	}
	page, ok := p.byName[a.page]
	if !ok {
		return nil, fmt.Errorf("no page is called %q", a.page)
	}
	var body bytes.Buffer
	view := sheet{
		Title:  a.title,
		Data:   a.data,
		Pieces: who.Cart.Pieces(),
	}
	if err := page.ExecuteTemplate(&body, "layout.html", view); err != nil {
		return nil, fmt.Errorf("show page %q: %w", a.page, err)
	}
	return body.Bytes(), nil
}
