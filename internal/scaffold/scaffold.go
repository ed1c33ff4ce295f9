package scaffold

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Draft is a proposed manifest.
type Draft struct {
	// Manifest is the text of the .slipway.yaml, with comments.
	Manifest string
	// Findings say what was found and what was made of it.
	Findings []Finding
}

// Finding is one thing that was seen.
type Finding struct {
	File string // what it is about; empty for the whole repository
	Text string // a sentence without its full stop
	// Guess is set if somebody who knows the app should look at it.
	Guess bool
}

// String returns the finding as one line.
func (f Finding) String() string {
	text := f.Text
	if f.File != "" {
		text = f.File + ": " + text
	}
	if f.Guess {
		text += " (a guess)"
	}
	return text
}

// Look returns a draft for the repository in dir. name, usually that of the
// folder, becomes the app's name as far as it can.
func Look(dir fs.FS, name string) (*Draft, error) {
	r := &repository{fs: dir}
	p := &plan{app: appName(name), branch: "main"}
	if p.app != name {
		p.guess("", "the app is called %s", p.app)
	}
	for _, look := range []func(*repository, *plan){
		lookGit, lookGo, lookRuby, lookPython, lookNode, lookProcfile, lookMakefile, lookDockerfile,
	} {
		look(r, p)
	}
	p.settle()
	if r.err != nil {
		return nil, fmt.Errorf("look at the repository: %w", r.err)
	}
	text := p.write()
	if _, problems := manifest.Parse([]byte(text)); problems != nil {
		return nil, fmt.Errorf("the draft is not valid, which is a mistake in slipway init:\n%s", problems.Text())
	}
	return &Draft{Manifest: text, Findings: p.findings}, nil
}

// plan is what the draft will say.
type plan struct {
	app, branch string
	tests       []testPlan
	pkg         *packagePlan
	processes   []processPlan
	findings    []Finding
	// before are commands that must run before pkg.run; see lookNode.
	before []string
	// program is what go build makes, of the main packages in mains; portReader
	// is the source file that reads PORT, if one does.
	program    string
	mains      []string
	portReader string
	// prefix goes before commands of a Procfile, to find what was installed.
	prefix string
}

type testPlan struct {
	name, list, run, format, report string
	notes                           []string
}

type packagePlan struct {
	run, path string
	notes     []string
}

type processPlan struct {
	name, run, health string
	notes             []string
}

func (p *plan) found(file, format string, args ...any) {
	p.findings = append(p.findings, Finding{File: file, Text: fmt.Sprintf(format, args...)})
}

func (p *plan) guess(file, format string, args ...any) {
	p.findings = append(p.findings, Finding{File: file, Text: fmt.Sprintf(format, args...), Guess: true})
}

// web returns the web process, nil if there is none yet.
func (p *plan) web() *processPlan {
	for i := range p.processes {
		if p.processes[i].name == manifest.WebProcess {
			return &p.processes[i]
		}
	}
	return nil
}

// settle makes one of what the languages said: a package without a web process,
// or the other way round, is left out.
func (p *plan) settle() {
	if p.pkg != nil && len(p.before) > 0 {
		p.pkg.run = strings.Join(append(p.before, p.pkg.run), " && ")
		p.pkg.notes = append(p.pkg.notes, "a guess: package.json is built first, since the rest may include what it makes")
	}
	switch web := p.web(); {
	case web == nil && len(p.processes) > 0:
		p.found("Procfile", "there is no web process, so that nothing is run")
		p.processes = nil
	case web != nil && p.pkg == nil:
		p.pkg = &packagePlan{path: ".", notes: []string{
			"a guess: the checkout itself is the release; if it must be built first, add run: with the command"}}
		p.guess("", "no build was found: the checkout itself becomes the release")
	}
	if p.web() == nil {
		p.found("", "no program that serves visitors was found: fill in package and processes to ship it")
	}
	if len(p.tests) == 0 {
		p.found("", "no tests were found: fill in test to have them run for every commit")
	}
}

// appName makes a name that a manifest accepts.
func appName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	text := b.String()
	text = strings.TrimRight(text[:min(len(text), 40)], "-")
	if text == "" {
		return "app"
	}
	return text
}
