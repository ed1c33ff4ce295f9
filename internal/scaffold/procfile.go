package scaffold

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// lookProcfile takes the processes of a Procfile: it is the author's own word,
// and replaces what was guessed.
func lookProcfile(r *repository, p *plan) {
	const most, longest = 20, 1000
	line := regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$`)
	name := regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	taken := make(map[string]bool)
	for _, text := range r.lines("Procfile") {
		match := line.FindStringSubmatch(text)
		switch {
		case match == nil:
			continue
		case match[1] == "release":
			p.found("Procfile", "release is left out: Slipway runs no command before a release yet")
		case !name.MatchString(match[1]) || taken[match[1]] || len(taken) >= most || len(match[2]) > longest || strings.ContainsFunc(match[2], isControl):
			p.found("Procfile", "the line of %.40q is left out: its name or its command cannot be taken over", match[1])
		default:
			taken[match[1]] = true
			p.takeProcess(match[1], match[2])
		}
	}
}

func isControl(r rune) bool {
	return r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\ufffd' || r == '\ufeff'
}

// takeProcess puts a process of the Procfile in the place of a guessed one.
func (p *plan) takeProcess(name, run string) {
	notes := []string{"from the Procfile"}
	if p.program != "" {
		fitted, ok := p.fitToBuild(run)
		switch {
		case !ok && name != "web":
			p.found("Procfile", "%s is left out: nothing is built that it could start", name)
			return
		case !ok:
			p.guess("Procfile", "web starts what is not seen to be built: %s is", p.program)
			notes = append(notes, "a guess: "+p.program+" is what is built; check that this starts it")
		}
		run = fitted
	}
	p.found("Procfile", "%s is run as it says", name)
	process := processPlan{name: name, run: p.prefix + run, notes: notes}
	switch {
	case name != "web" || strings.Contains(run, "PORT"):
	case p.portReader != "":
		process.notes = append(process.notes, "it reads $PORT itself ("+p.portReader+")")
	default:
		process.notes = append(process.notes, "a guess: it listens on $PORT")
		p.guess("Procfile", "web listens on $PORT")
	}
	if guessed := p.web(); name == "web" && guessed != nil {
		process.health = guessed.health
		*guessed = process
		return
	}
	p.processes = append(p.processes, process)
}

// fitToBuild makes go build put the program where the command of the Procfile
// starts it, and reports whether there is such a program.
func (p *plan) fitToBuild(run string) (fitted string, ok bool) {
	program, rest, _ := strings.Cut(run, " ")
	base, dir := path.Base(program), path.Dir(path.Clean(program))
	if dir != "." && !plainWord(dir) {
		return run, false
	}
	target := "dist/" + path.Join(dir, base)
	if base == p.program {
		p.pkg.run = strings.Replace(p.pkg.run, "go build -o dist/"+base+" ", "go build -o "+target+" ", 1)
	} else {
		at := slices.IndexFunc(p.mains, func(main string) bool { return path.Base(main) == base })
		if at < 0 {
			return run, false
		}
		p.pkg.run += " && go build -o " + target + " ./" + p.mains[at]
	}
	if dir == "." {
		run = strings.TrimSpace("./" + base + " " + rest)
	}
	return run, true
}
