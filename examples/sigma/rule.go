package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bradleyjkemp/sigma-go"
	"github.com/bradleyjkemp/sigma-go/evaluator"
	"gopkg.in/yaml.v3"

	"github.com/incidentkit/incidentkit/alert"
)

// A Rule is a Sigma rule that passed all checks of [LoadRules].
type Rule struct {
	File        string // path below the folder of the rules
	ID          string // a UUID, unique among the rules
	Title       string // unique among the rules
	Description string
	Source      LogSource
	Severity    alert.Severity // of the level; critical is High, the highest there is
	Category    string         // the first tactic among the tags, such as "CredentialAccess"
	Techniques  []string       // the techniques among the tags, such as "T1003.001"
	Tags        []string       // the other tags

	evaluator *evaluator.RuleEvaluator
}

// A RefusedError names what of a rule is not supported.
type RefusedError struct {
	File    string // path of the rule's file
	Title   string // "" when the rule has none
	Feature string // what is refused and where, such as "modifier cased in search selection, field User"
	Reason  string // why, and what to write instead if there is something
}

// Error returns a sentence with all fields.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: rule %q: %s: %s", e.File, e.Title, e.Feature, e.Reason)
}

// LoadRules returns the rules in all files of fsys that end in .yml or .yaml, ordered by path. Its error
// joins a [RefusedError] for each feature of each rule that is not supported, and there are no rules then.
func LoadRules(fsys fs.FS) ([]Rule, error) {
	var rules []Rule
	var errs []error
	files := map[string]string{} // by the IDs and titles of their rules
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yml" && path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		c := &checker{rule: Rule{File: name}}
		c.parse(text)
		for _, unique := range []string{c.rule.ID, c.rule.Title} {
			if other, taken := files[unique]; taken && unique != "" {
				c.refuse(unique, "the rule in "+other+" has it too")
			}
			files[unique] = name
		}
		rules = append(rules, c.rule)
		errs = append(errs, c.errs...)
		return nil
	})
	if err == nil && len(rules) == 0 {
		err = errors.New("no rules: no file ends in .yml or .yaml")
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return rules, nil
}

// parse reads a rule. It stops at faults for which the engine has errors that name no feature.
func (c *checker) parse(text []byte) {
	var node yaml.Node
	var doc map[string]any
	documents := yaml.NewDecoder(bytes.NewReader(text))
	err := documents.Decode(&node)
	if err == nil {
		err = node.Decode(&doc)
	}
	if err != nil {
		c.refuse("syntax", err.Error())
		return
	}
	c.rule.Title, _ = doc["title"].(string)
	if err := documents.Decode(new(yaml.Node)); err != io.EOF {
		c.refuse("several documents", "the engine reads the first one; put each rule into a file of its own")
	}
	for _, key := range []string{"correlation", "filter", "action"} {
		if _, ok := doc[key]; ok {
			c.refuse(key, singleEvents)
		}
	}
	c.node(&node)
	detection, ok := doc["detection"].(map[string]any)
	if !ok {
		c.refuse("detection", "want a condition and at least one search")
	}
	if c.detection(detection); len(c.errs) > 0 {
		return
	}
	parsed, err := sigma.ParseRule(text)
	if err != nil {
		c.refuse("syntax", err.Error())
		return
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Detection.Searches)) {
		for _, fields := range parsed.Detection.Searches[name].EventMatchers {
			for _, f := range fields {
				c.field(name, f)
			}
		}
	}
	if len(parsed.Detection.Conditions) == 0 || len(parsed.Detection.Searches) == 0 {
		c.refuse("detection", "want a condition and at least one search")
	}
	for _, condition := range parsed.Detection.Conditions {
		c.condition(condition.Search, parsed.Detection.Searches)
	}
	c.metadata(parsed)
	c.rule.evaluator = evaluator.ForRule(parsed)
}

var (
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	technique = regexp.MustCompile(`^t[0-9]{4}(\.[0-9]{3})?$`)
	group     = regexp.MustCompile(`^[gs][0-9]{4}$`) // of attackers, or software
)

// levels are the severities by the levels of rules.
var levels = map[string]alert.Severity{
	"informational": alert.Informational, "low": alert.Low, "medium": alert.Medium, "high": alert.High,
	"critical": alert.High,
}

// metadata checks and takes over everything except the detection.
func (c *checker) metadata(r sigma.Rule) {
	c.rule.ID, c.rule.Description, c.rule.Severity = r.ID, r.Description, levels[r.Level]
	c.rule.Source = LogSource{r.Logsource.Category, r.Logsource.Product, r.Logsource.Service}
	if strings.TrimSpace(r.Title) == "" {
		c.refuse("title", "it is missing")
	}
	if !uuid.MatchString(r.ID) {
		c.refuse(fmt.Sprintf("id %q", r.ID), "want a UUID in lower case")
	}
	if _, ok := levels[r.Level]; !ok {
		c.refuse(fmt.Sprintf("level %q", r.Level), "want informational, low, medium, high or critical")
	}
	if !slices.Contains(slices.Collect(maps.Values(logSources)), c.rule.Source) {
		c.refuse(fmt.Sprintf("log source %+v", c.rule.Source), "it is not in the table logSources")
	}
	for _, key := range slices.Sorted(maps.Keys(r.Logsource.AdditionalFields)) {
		c.refuse("log source "+key, "want category, product, service and definition only")
	}
	for _, tag := range r.Tags {
		name, attack := strings.CutPrefix(strings.ToLower(tag), "attack.")
		tactic := alert.Tactic(name)
		switch {
		case !attack || group.MatchString(name):
			c.rule.Tags = append(c.rule.Tags, tag)
		case technique.MatchString(name):
			c.rule.Techniques = append(c.rule.Techniques, strings.ToUpper(name))
		case tactic == "":
			c.refuse("tag "+tag, "want a tactic, a technique, a group or a software of ATT&CK")
		case c.rule.Category == "":
			c.rule.Category = tactic
		}
	}
}
