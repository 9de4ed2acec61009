package alert

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// systemDomains are the domains of accounts that Windows makes on every machine, in all languages that are
// known. Sources: Microsoft, localized service names of SQL Server; public detection rules and logs for the
// others.
var systemDomains = sync.OnceValue(func() map[string]bool {
	return foldedSet(
		"nt authority", "nt-autorität", "nt-autoritaet", "autorite nt", "autoridad nt", "autoridade nt",
		"zarządzanie nt", "nt instans", "nt-instans", "nt-hallinta", "nt-myndighet", "nt-myndighed",
		"nt-autoriteit", "nt authority-", "autorita nt", "builtin", "vordefiniert", "predefini",
		"integrado", "interno", "nt service", "nt-service", "nt-dienst", "service nt", "iis apppool",
		"window manager", "font driver host", "nt virtual machine", "application package authority",
		"mandatory label", "nt pseudo domain", "internet$", "restricted services",
	)
})

// localDomains stand for the machine itself, so that an account of one is an account of one machine.
// Source: Microsoft, event 4624 (WORKGROUP, "."); the others are used in the same way.
var localDomains = sync.OnceValue(func() map[string]bool {
	return foldedSet(
		".", "workgroup", "mshome", "microsoftaccount", "local", "localhost", "arbeitsgruppe",
		"groupe de travail", "grupo_trabajo", "gruppo di lavoro", "localdomain", "localmachine",
		"local machine",
	)
})

// isLocalDomain reports whether a domain, which has small letters, stands for the machine itself.
func isLocalDomain(domain string) bool {
	if in(localDomains(), domain) || domain != "" && isLocalHost(domain) {
		return true
	}
	if c := domain; c == "" || !('0' <= c[0] && c[0] <= '9') && c[0] != ':' && c[0] != '[' {
		return false
	}
	a, ok := parseAddress(domain)
	return ok && reachOf(a) == nowhere
}

// systemAccounts are accounts and groups that each machine or each domain has, whatever the domain, in all
// languages that are known. Sources as of systemDomains.
var systemAccounts = sync.OnceValue(func() map[string]bool {
	return foldedSet(
		"system", "local system", "localsystem", "système", "sistema", "система", "systemem", "rendszer",
		"järjestelmä", "系统", "系統", "システム", "시스템",
		"local service", "localservice", "lokaler dienst", "service local", "servicio loc",
		"servicio local", "servizio locale", "serviço local", "network service", "networkservice",
		"netzwerkdienst", "service réseau", "servicio de red", "servizio di rete", "serviço de rede",
		"usługa sieciowa", "hálózati szolgáltatás", "helyi szolgáltatás", "netwerkservice",
		"netvaerkstjeneste", "netværkstjeneste", "verkkopalvelu", "paikallinen palvelu",
		"nettverkstjeneste", "usługa lokalna", "nätverkstjänst", "lokal tjänst", "lokale service",
		"anonymous logon", "anonymous-anmeldung", "anonymous", "accesso anonimo", "anonymous user",
		"anonyme anmeldung", "everyone", "jeder", "tout le monde", "todos", "все", "alla", "alle", "kaikki",
		"tutti", "iedereen", "wszyscy", "mindenki", "herkes", "authenticated user", "authenticated users",
		"authentifizierte benutzer", "network", "interactive", "iusr", "aspnet", "mssqlserver",
		"sqlserveragent", "defaultapppool", "local account", "this organization", "nobody",
		"trustedinstaller",
		"krbtgt", "krbtgt_azuread", "azureadssoacc", "administrators", "administratoren", "administrateurs",
		"administradores", "amministratori", "administratorzy", "администраторы", "administratörer",
		"rendszergazdák", "beheerders", "users", "benutzer", "utilisateurs", "usuarios", "пользователи",
		"guests", "domain admins", "domain users", "domain computers", "domain guests", "domain controllers",
		"enterprise admins", "schema admins", "domänen-admins", "domänen-benutzer", "domänen-computer",
		"domänen-gäste", "domänencontroller", "domaenen-admins", "domaenen-benutzer",
		"organisations-admins", "schema-admins", "admins du domaine", "utilisateurs du domaine",
		"utilisa. du domaine", "ordinateurs du domaine", "administrateurs de l’entreprise",
		"administrateurs de l'entreprise", "admins. del dominio", "usuarios del dominio",
		"equipos del dominio", "administradores de empresas", "admins. do domínio", "usuários do domínio",
		"администраторы домена", "пользователи домена", "компьютеры домена", "администраторы предприятия",
		"defaultaccount", "wdagutilityaccount", "guest", "gast", "invité", "invitado", "convidado", "gość",
		"гость", "ospite", "vendég", "gjest", "gæst", "gäst", "vieras", "misafir", "来宾", "host účet",
		"on-premises directory synchronization service account", "microsoft azure ad",
		"azure active directory", "windows azure active directory", "microsoft.azure.syncfabric",
		"azure ad device registration", "ms-pim", "azure mfa strongauthenticationservice",
		"system:anonymous", "system:unauthenticated", "system:authenticated", "system:masters",
		"system:nodes", "system:serviceaccounts", "system:admin", "system:apiserver",
	)
})

// commonAccounts are names that say nothing without a domain, since many hosts have them. Sources: Microsoft
// Sentinel, entity types reference; Elastic, user entity definition; the accounts of Debian's base system and
// of the packages of servers; the default accounts of images.
var commonAccounts = sync.OnceValue(func() map[string]bool {
	table := foldedSet(strings.Fields(`
		admin toor bin daemon sys sync games man lp mail news uucp proxy www-data backup list irc gnats _apt
		systemd-network systemd-timesync systemd-resolve systemd-coredump systemd-oom systemd-journal
		messagebus syslog sshd ntp chrony dbus polkitd tss uuidd tcpdump landscape pollinate lxd halt
		shutdown operator ftp apache nginx httpd jenkins ansible deploy terraform gitlab-runner gitlab
		runner postgres postgresql mysql mariadb redis elasticsearch elastic kibana logstash filebeat kafka
		zookeeper cassandra mongodb mongod rabbitmq consul vault nomad etcd k8s kube kubernetes service svc
		tomcat weblogic jboss wildfly solr docker containerd nagios icinga zabbix wazuh ossec puppet chef
		salt cron oracle git hadoop hdfs hive spark splunk grafana prometheus influxdb telegraf
		postfix exim debian-exim named bind unbound dnsmasq sssd gdm lightdm sddm avahi avahi-autoipd rpc
		rpcuser statd rtkit pulse colord geoclue saned usbmux cups cups-pk-helper nslcd nscd ldap openldap
		dovecot dovenull opendkim clamav squid haproxy varnish memcache memcached nfs libvirt qemu
		libvirt-qemu vnstat smmsp smmta mailnull postmaster haldaemon abrt cockpit-ws systemd-bus-proxy
		ssm-user ec2-user ubuntu debian centos azureuser pi vagrant opc core fedora rocky almalinux kali
		bitnami cloud-user user test demo temp default owner support helpdesk null sa sysadmin superuser
		wheel nfsnobody system_user defaultuser0 student localadmin node app web www webapp django rails
	`)...)
	table["local admin"] = true
	for name := range administrators() {
		table[name] = true
	}
	return table
})

func foldedSet(texts ...string) map[string]bool {
	table := make(map[string]bool, len(texts))
	for _, t := range texts {
		table[folded(t)] = true
	}
	return table
}

// account adds the keys of a user's names, and returns the name of the host that it is the account of.
func (r *keyring) account(u User) (host string) {
	upn, domain, name := logon(u)
	if n, isService := cutFold(upn, "host/"); isService {
		host, _, _ = strings.Cut(n, "@")
		upn = ""
		if name == "" {
			domain, name = "", host+"$"
		}
	}
	if isSID(upn) {
		r.sid(upn)
		upn = ""
	}
	r.put("upn", upn)
	if machine, realm, ok := strings.Cut(upn, "$@"); ok && host == "" && isMachine(machine, realm) {
		host = machineOf(machine, realm)
	}
	if name == "" {
		return host
	}
	if n, isService := cutFold(name, "host/"); isService {
		host, _, _ = strings.Cut(n, "@")
		name = host + "$"
	}
	if isSID(name) {
		r.sid(name)
		return host
	}
	if !(r.one && len(r.places) > 0) {
		r.open("account")
		r.lower(domain, `\`, name)
		r.close()
	}
	if machine, ok := strings.CutSuffix(name, "$"); ok {
		if host == "" && isMachine(machine, domain) {
			host = machineOf(machine, domain)
		}
		return host
	}
	if strings.Contains(domain, ".") && len(domain) > 1 && !systemDomains()[folded(domain)] &&
		!isLocalDomain(domain) {
		r.put("upn", name+"@"+domain) // as Kerberos writes it: the realm is the DNS domain
	}
	return host
}

// machineOf returns the name of the computer with that account: the full one if the domain is that of DNS.
func machineOf(machine, domain string) string {
	if strings.Contains(domain, ".") && len(domain) > 1 && !isLocalDomain(domain) {
		return machine + "." + domain
	}
	return machine
}

// serviceClasses are what stands before the slash in the name of a service, in small letters, so that no
// domain is called so. Source: Microsoft, service principal names.
var serviceClasses = sync.OnceValue(func() map[string]bool {
	return set(
		"host", "http", "https", "cifs", "ldap", "krbtgt", "mssqlsvc", "termsrv", "dns", "gc",
		"restrictedkrbhost", "wsman", "rpc", "rpcss", "kadmin", "nfs", "ftp", "imap", "smtp", "pop",
		"exchangemdb", "exchangerfr", "afpserver", "dfsr",
	)
})

// logon returns the names of u: the user principal name, and domain and account, in the form in which they
// stand in keys except the case of their letters. An account that holds a domain or is a user principal name
// is taken apart, and so is a user principal name that is none.
func logon(u User) (upn, domain, name string) {
	upn = withoutClaim(identifier(u.UPN))
	domain, name = strings.TrimSpace(u.Domain), withoutClaim(identifier(u.Account))
	if domain != "." {
		domain = strings.TrimSuffix(identifier(domain), ".")
	}
	if strings.HasPrefix(name, "%{") {
		name = sidText(name)
	}
	if open := strings.LastIndex(name, "(uid="); open > 0 { // as PAM writes it
		name = identifier(name[:open])
	} else if id, ok := cutFold(name, "uid="); ok {
		name = identifier(id)
	}
	if d, n, ok := cutDomain(name); ok {
		if domain == "" && (d == "." || !isPlaceholder(d)) {
			domain = d
		}
		name = identifier(n)
	}
	if strings.Contains(upn, `\`) && !strings.Contains(before(upn, `\`), "@") {
		d, n, _ := cutDomain(upn)
		upn = ""
		switch n = identifier(n); {
		case strings.Contains(n, "@"):
			upn = n
		case name == "" || domain == "" && strings.EqualFold(name, n):
			domain, name = identifier(d), n
		}
	}
	if strings.Contains(name, "@") && !strings.Contains(name, "/") {
		if upn == "" {
			upn = name
		}
		domain, name = "", ""
	}
	if name == "" {
		domain = ""
	}
	if !strings.Contains(upn, `\`) {
		upn = mailAddress(upn)
	}
	return upn, domain, name
}

// cutDomain takes DOMAIN\name apart, also with more than one backslash, and DOMAIN/name, which is told from
// the principal of a service and from a second account of a person, such as kai/admin, by its capitals.
func cutDomain(text string) (domain, name string, ok bool) {
	if d, n, ok := strings.Cut(text, `\`); ok {
		return bare(d), strings.TrimLeft(n, `\`), true
	}
	d, n, ok := strings.Cut(text, "/")
	if !ok || d == "" || len(d) > netBIOSLength || d != strings.ToUpper(d) ||
		serviceClasses()[strings.ToLower(d)] ||
		strings.ContainsAny(n, "/@") || strings.ContainsAny(d, "@: ") {
		return "", "", false
	}
	return d, n, true
}

func before(text, separator string) string {
	text, _, _ = strings.Cut(text, separator)
	return text
}

// withoutClaim returns the name in a claim of SharePoint, such as i:0#.f|membership|kai@corp.example.
func withoutClaim(text string) string {
	if !strings.HasPrefix(text, "i:0") {
		return text
	}
	return identifier(text[strings.LastIndexByte(text, '|')+1:])
}

// isMachine reports whether the account of that name and a dollar sign is a computer's.
func isMachine(name, domain string) bool {
	switch strings.ToLower(name) {
	case "", "azureadssoacc", "krbtgt", strings.ToLower(domain): // the last is the account of a trust between domains
		return false
	}
	return true
}

// folded returns text in small letters without accents, as tables of names have it.
func folded(text string) string {
	text = strings.ToLower(text)
	if isASCII(text) {
		return text
	}
	var b strings.Builder
	for _, c := range norm.NFD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, c):
		case c == 'ł':
			b.WriteByte('l')
		default:
			b.WriteRune(c)
		}
	}
	return norm.NFC.String(b.String())
}

// in reports whether table has the folded text. Shells lose letters: "?" and U+FFFD stand for any.
func in(table map[string]bool, text string) bool {
	text = folded(text)
	if table[text] {
		return true
	}
	if !strings.ContainsAny(text, "?\uFFFD") {
		return false
	}
	lost := []rune(text)
	for entry := range table {
		if matchesLost(lost, []rune(entry)) {
			return true
		}
	}
	return false
}

func matchesLost(text, entry []rune) bool {
	if len(text) != len(entry) {
		return false
	}
	kept := 0
	for n, c := range text {
		if c == '?' || c == '\uFFFD' {
			continue
		}
		if c != entry[n] {
			return false
		}
		kept++
	}
	return kept > len(text)/2
}

// judgeAccount says what an account is worth, of which domain and name have small letters. hosts reports
// whether a name is that of a device of the alert.
func judgeAccount(domain, name string, isHost func(string) bool) (Strength, string) {
	switch {
	case in(systemDomains(), domain), in(systemAccounts(), strings.TrimSuffix(name, "$")):
		return NotLinking, "a well-known account"
	case hasPrefix(name, "healthmailbox", "systemmailbox", "federatedemail", "discoverysearchmailbox",
		"krbtgt/",
		"system:kube-"), strings.HasPrefix(name, "sm_") && len(name) > 12, isVirtual(name, "dwm-"),
		isVirtual(name, "umfd-"), isVirtual(name, "krbtgt_"):
		return NotLinking, "a well-known account"
	case domain == "" && strings.HasSuffix(name, ".amazonaws.com"):
		return NotLinking, "a service of the cloud"
	case strings.HasSuffix(name, "$") && domain == strings.TrimSuffix(name, "$"):
		return NotLinking, "the account of a trust between domains"
	case strings.HasPrefix(name, "msol_"), strings.HasPrefix(name, "aad_"):
		return Weaker, "an account of directory synchronisation"
	case domain == "" && (in(commonAccounts(), name) || hasPrefix(name, "_", "iusr_", "iwam_")):
		return NotLinking, "an account name that many hosts have"
	case domain == "" && strings.HasPrefix(name, "system:serviceaccount:"):
		if namespace, _, _ := strings.Cut(name[len("system:serviceaccount:"):], ":"); systemNamespaces()[namespace] {
			return NotLinking, "a well-known account"
		}
		return Supporting, "a service account of some cluster"
	case domain == "" && isNumber(strings.TrimPrefix(name, "-")):
		return NotLinking, "a number that is another account on each host"
	case domain == "":
		return Weaker, "an account name without a domain"
	case isLocalDomain(domain), domain != "azuread" && isHost(domain):
		return NotLinking, "an account of one machine"
	case domain == "azuread":
		return Weaker, "a display name of an Entra account"
	case strings.HasSuffix(name, "$"):
		return Weaker, "an account of a machine or a managed service"
	case in(administrators(), name):
		return Weaker, "a built-in administrator"
	}
	return Linking, ""
}

// administrators are the names of the built-in administrator, which each domain and machine has.
var administrators = sync.OnceValue(func() map[string]bool {
	return foldedSet(
		"administrator", "administrateur", "administrador", "amministratore", "rendszergazda",
		"администратор", "järjestelmänvalvoja", "administratör", "yönetici", "správce", "διαχειριστής",
		"διαχειριστήσ", "管理员", "管理者", "系統管理員", "root",
	)
})

func hasPrefix(text string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

func isVirtual(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && isNumber(rest)
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// judgeUPN says what a user principal name or a mail address, which has small letters, is worth.
func judgeUPN(upn string, isHost func(string) bool) (Strength, string) {
	name, domain, ok := strings.Cut(upn, "@")
	switch {
	case !ok:
		return judgeAccount("", upn, isHost)
	case strings.HasPrefix(domain, "gcp-sa-") && strings.HasSuffix(domain, ".gserviceaccount.com"),
		domain == "cloudbuild.gserviceaccount.com", domain == "cloudservices.gserviceaccount.com":
		return NotLinking, "a service agent of the cloud"
	case domain == "developer.gserviceaccount.com":
		return Weaker, "a default service account"
	case in(systemAccounts(), strings.TrimSuffix(name, "$")), in(systemDomains(), domain),
		upn == "app@sharepoint",
		hasPrefix(name, "healthmailbox", "systemmailbox", "federatedemail.", "migration.8f3e7716",
			"discoverysearchmailbox"), isVirtual(name, "krbtgt_"), strings.HasPrefix(name, "krbtgt/"):
		return NotLinking, "a well-known account"
	case strings.HasPrefix(name, "sync_") && strings.HasSuffix(domain, ".onmicrosoft.com"):
		return Weaker, "an account of directory synchronisation"
	case isLocalDomain(domain), isHost(domain):
		return NotLinking, "an account of one machine"
	case strings.Contains(name, "#ext#"), strings.HasPrefix(name, "live.com#"):
		return Linking, guestName // which nobody else in the tenant has
	case strings.HasSuffix(name, "$"):
		return Weaker, "an account of a machine or a managed service"
	case in(administrators(), name):
		return Weaker, "a built-in administrator"
	}
	return Linking, ""
}

// shortAccount adds DOMAIN\name of a user principal name, of which DOMAIN is a guess: the first label behind
// the at sign.
func (r *keyring) shortAccount(upn string) { r.write("short-account", shortAccount(upn)) }

// shortAccount returns DOMAIN\name of a user principal name or of an account of a DNS domain, "" of what is
// neither.
func shortAccount(upn string) string {
	name, domain, ok := strings.Cut(upn, "@")
	if !ok || name == "" || strings.ContainsAny(name, `#/\`) {
		return ""
	}
	label, _, _ := strings.Cut(domain, ".")
	if label == "" {
		return ""
	}
	return label + `\` + name
}

// hasShortDomain reports whether an account, which has small letters, has a domain's short name.
func hasShortDomain(account string) bool {
	domain, _, _ := strings.Cut(account, `\`)
	return domain != "" && domain != "azuread" && !strings.Contains(domain, ".")
}

// guestHome returns the user principal name that a guest has at home, "" of one that is no guest's:
// kai@corp.example of kai_corp.example#EXT#@tenant.onmicrosoft.com.
func guestHome(upn string) string {
	upn = identifier(upn)
	at := strings.Index(strings.ToLower(upn), "#ext#@")
	if at < 0 {
		if home, ok := strings.CutPrefix(strings.ToLower(upn), "live.com#"); ok && strings.Contains(home, "@") {
			return home
		}
		return ""
	}
	name := upn[:at]
	cut := strings.LastIndexByte(name, '_')
	if cut <= 0 || !strings.Contains(name[cut:], ".") {
		return ""
	}
	return name[:cut] + "@" + name[cut+1:]
}
