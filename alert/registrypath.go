package alert

import "strings"

// hives are the names of the root keys of the Windows registry, by their short names. Source: Microsoft,
// Predefined keys.
var hives = map[string]string{
	"hkey_local_machine": "hklm", "hkey_current_user": "hkcu", "hkey_classes_root": "hkcr",
	"hkey_users": "hku", "hkey_current_config": "hkcc",
	"hkey_performance_data": "hkpd", "hklm": "hklm", "hkcu": "hkcu", "hkcr": "hkcr", "hku": "hku",
	"hkcc": "hkcc", "localmachine": "hklm", "currentuser": "hkcu",
	"classesroot": "hkcr", "users": "hku", "currentconfig": "hkcc", "local_machine": "hklm",
	"current_user": "hkcu", "classes_root": "hkcr",
}

// registryPath returns the path of a registry key with the short name of its hive, "" of a placeholder. The
// kernel's names, such as \REGISTRY\MACHINE, are those of the hives.
func registryPath(hive, key string) string {
	hive, key = identifier(hive), identifier(key)
	if hive == "" && key == "" {
		return ""
	}
	path := hive + `\` + key
	if strings.Contains(path, "/") && !strings.Contains(key, `\`) {
		path = strings.ReplaceAll(path, "/", `\`)
	}
	path = strings.Trim(path, `\`)
	for strings.Contains(path, `\\`) {
		path = strings.ReplaceAll(path, `\\`, `\`)
	}
	if hasPrefix(strings.ToLower(path), `registry\machine`, `registry\user`) {
		path = path[len(`registry\`):]
		if rest, ok := cutFold(path, "machine"); ok {
			path = "hklm" + rest
		} else if rest, ok := cutFold(path, "user"); ok {
			path = "hku" + rest
		}
	}
	root, rest, deeper := strings.Cut(path, `\`)
	short := hiveOf(root)
	if short == "" {
		return path
	}
	for deeper { // the key may repeat its hive
		inner, below, more := strings.Cut(rest, `\`)
		if hiveOf(inner) != short || strings.EqualFold(inner, "users") {
			return short + `\` + rest
		}
		rest, deeper = below, more
	}
	return short
}

func hiveOf(name string) string {
	if len(name) > len("hkey_performance_data:") {
		return ""
	}
	return hives[strings.ToLower(strings.TrimSuffix(name, ":"))]
}

// cutFold is strings.CutPrefix without regard to case.
func cutFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}
