package scaffold

import (
	"go/build/constraint"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// goFacts is what the Go sources of a repository show.
type goFacts struct {
	mains   []string // folders of main packages
	serves  []string // those of them that import net/http
	embeds  bool
	tests   bool
	port    string // file that reads the variable PORT
	flag    string // flag that takes an address or a port
	health  string // path of a health check
	healthy string // file it was found in
}

// lookGo proposes go test by package, and go build of the program that serves.
func lookGo(r *repository, p *plan) {
	if !r.has("go.mod") {
		return
	}
	facts := readGo(r)
	if facts.tests {
		p.tests = append(p.tests, testPlan{name: "go", list: "go list ./...", run: "go test -json {units}", format: "gotest"})
		p.found("go.mod", "tests are run package by package, on all workers at once")
	} else {
		p.found("go.mod", "there are no Go tests")
	}
	main, notes := facts.chooseMain(p)
	if main == "" {
		p.found("go.mod", "there is no main package, so that nothing is built")
		return
	}
	name := path.Base(main)
	if main == "." {
		name = p.app
	}
	run := "go build -o dist/" + name + " ./" + strings.TrimPrefix(main, ".")
	if files := runtimeFiles(r, facts); len(files) > 0 {
		list := strings.Join(files, " ")
		run += " && cp -r " + list + " dist/"
		notes = append(notes, "a guess: "+list+" is read at run time, so it is part of the release")
		p.guess("", "%s is copied into the release", list)
	}
	p.pkg = &packagePlan{run: run, path: "dist", notes: notes}
	p.program, p.mains, p.portReader = name, facts.mains, facts.port
	p.processes = append(p.processes, facts.process(p, name))
}

// readGo looks at the sources; it needs no Go to be installed.
func readGo(r *repository) goFacts {
	var f goFacts
	address := regexp.MustCompile(`(?:flag|fs|flags)\.String(?:Var)?\((?:[^,"]+,\s*)?"(addr|address|listen|bind|http|port)"`)
	health := regexp.MustCompile(`"(?:GET )?(/(?:healthz|livez|readyz|health|ping|up))"`)
	r.sources(".go", func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			f.tests = true
			return
		}
		text := r.read(name)
		f.embeds = f.embeds || strings.Contains(text, "\n//go:embed ")
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.SkipObjectResolution)
		if err != nil || ignored(text) {
			return
		}
		if dir := path.Dir(name); file.Name.Name == "main" && plainWord(strings.ReplaceAll(dir, ".", "")+"x") {
			f.mains = addNew(f.mains, dir)
			for _, spec := range file.Imports {
				if spec.Path.Value == `"net/http"` {
					f.serves = addNew(f.serves, dir)
				}
			}
		}
		if f.port == "" && strings.Contains(text, `"PORT"`) {
			f.port = name
		}
		if match := address.FindStringSubmatch(text); f.flag == "" && match != nil {
			f.flag = match[1]
		}
		if match := health.FindStringSubmatch(text); f.health == "" && match != nil {
			f.health, f.healthy = match[1], name
		}
	})
	return f
}

func addNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// ignored reports whether a file is left out of builds by //go:build ignore.
func ignored(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "package ") {
			return false
		}
		if constraint.IsGoBuild(line) {
			expr, err := constraint.Parse(strings.TrimSpace(line))
			return err == nil && expr.String() == "ignore"
		}
	}
	return false
}

// chooseMain returns the folder of the program to ship: the only one, the one
// named like the app, the only one that imports net/http, or the first.
func (f goFacts) chooseMain(p *plan) (dir string, notes []string) {
	switch len(f.mains) {
	case 0:
		return "", nil
	case 1:
		return f.mains[0], nil
	}
	dir = f.mains[0]
	if len(f.serves) > 0 {
		dir = f.serves[0]
	}
	for _, main := range f.mains {
		if path.Base(main) == p.app {
			dir = main
		}
	}
	p.guess("go.mod", "there are %d programs, and %s is the one that is shipped", len(f.mains), dir)
	shown := f.mains[:min(len(f.mains), 8)]
	return dir, []string{"a guess: one of the programs in " + strings.Join(shown, ", ")}
}

// runtimeFiles returns the folders a program without embedded files may read.
func runtimeFiles(r *repository, f goFacts) []string {
	var dirs []string
	for _, dir := range []string{"templates", "static", "public", "assets"} {
		if !f.embeds && r.hasDir(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// process says how the program learns its port.
func (f goFacts) process(p *plan, name string) processPlan {
	web := processPlan{name: "web", run: "./" + name, health: f.health}
	switch {
	case f.port != "":
		p.found(f.port, "the program reads PORT itself")
		web.notes = append(web.notes, "it reads $PORT itself ("+f.port+")")
	case f.flag == "port":
		web.run += " -port $PORT"
		web.notes = append(web.notes, "a guess: the flag -port takes a port alone")
		p.guess("", "the port is given by the flag -port")
	case f.flag != "":
		web.run += " -" + f.flag + " 127.0.0.1:$PORT"
		web.notes = append(web.notes, "a guess: the flag -"+f.flag+" takes host:port")
		p.guess("", "the address is given by the flag -%s", f.flag)
	default:
		web.notes = append(web.notes, "a guess: nothing shows how the program learns its port; it must listen on $PORT")
		p.guess("", "nothing shows how the program learns its port; it must listen on $PORT")
	}
	if f.health != "" {
		p.guess(f.healthy, "%s tells that the program is healthy", f.health)
	}
	return web
}
