package alert

import (
	"strings"
	"sync"
)

// systemFolders are the folders in which Windows keeps its programs, below the drive and in small letters.
// System32, SysWOW64, SysArm32 and Sysnative stand for each other, depending on the bitness of a program.
// Sources: LOLBAS project (2026-07-31), paths of its binaries; Microsoft, File System Redirector.
var systemFolders = []string{
	`\windows\system32`, `\windows\syswow64`, `\windows\sysarm32`, `\windows\sysnative`, `\windows\winsxs`,
	`\windows\microsoft.net\framework`, `\windows\microsoft.net\framework64`,
	`\windows\microsoft.net\frameworkarm64`,
	`\windows\uus`, `\windows\servicing`, `\windows\systemapps`, `\windows\immersivecontrolpanel`,
	`\windows\explorer`,
	`\programdata\microsoft\windows defender`, `\$windows.~bt`,
}

// writableFolders lie inside of systemFolders, but not only the system writes there.
var writableFolders = []string{
	`\windows\system32\spool\drivers\color`, `\windows\system32\spool\printers`,
	`\windows\system32\spool\servers`, `\windows\system32\tasks`,
	`\windows\system32\microsoft\crypto\rsa\machinekeys`, `\windows\syswow64\tasks`,
	`\windows\syswow64\com\dmp`, `\windows\system32\com\dmp`,
	`\windows\system32\fxstmp`, `\windows\syswow64\fxstmp`,
}

// vendorFolders are the folders below those of programs that hold what the vendor of Windows ships with it or
// beside it, in which systemFiles are as good as in systemFolders if the vendor has signed them. Sources:
// LOLBAS project (2026-07-31), paths of its binaries; Microsoft, installing PowerShell on Windows.
var vendorFolders = []string{
	`\microsoft\edge`, `\microsoft\edgecore`, `\microsoft\edgewebview`, `\internet explorer`, `\powershell`,
	`\windows defender`, `\windows defender advanced threat protection`, `\windows nt`, `\windows mail`,
	`\windows media player`, `\windows photo viewer`, `\windowsapps`, `\windows kits`, `\microsoft office`,
	`\microsoft onedrive`, `\microsoft visual studio`, `\common files\microsoft shared`, `\msbuild`,
	`\dotnet`,
	`\wsl`,
}

// unixFolders are the folders in which Linux and macOS keep their programs.
// Source: Filesystem Hierarchy Standard 3.0.
var unixFolders = []string{
	"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/lib", "/lib64",
}

// protectedFolders are those in which nobody but macOS writes. Source: Apple, System Integrity Protection.
var protectedFolders = []string{"/system", "/library/apple"}

// unixFiles are programs of Linux and macOS, without their version. Anybody who is root may put others beside
// them. Sources: Debian's packages of priority required, important and standard, GNU coreutils, util-linux,
// procps, iproute2, systemd, OpenSSH; the programs that alerts name most often.
var unixFiles = sync.OnceValue(func() map[string]bool {
	return set(strings.Fields(`
		[ arch awk b2sum base32 base64 basename bash bashbug bc bunzip2 bzcat bzip2 cal cat chattr chcon
		chfn chgrp chmod chown chroot chsh cksum clear cmp comm cp cpio crontab csplit cut dash date dd df
		diff dig dir dircolors dirname dmesg dnsdomainname domainname du echo ed egrep env ex expand expr
		factor false fgrep file find flock fmt fold free fuser gawk getconf getent getopt gpasswd gpg gpgv
		grep groups gunzip gzip head host hostid hostname hostnamectl iconv id install ionice ipcs join
		journalctl kill killall kmod last lastb lastlog ldd less link ln locale localectl logger login
		loginctl logname ls lsattr lsblk lscpu lsmod lsof lspci lsusb man mawk mcookie md5sum mesg mkdir
		mkfifo mknod mktemp more mount mountpoint mv nano namei nano nawk newgrp nice nl nohup nproc nsenter
		nslookup numfmt od openssl passwd paste patch pathchk perl pgrep pidof ping ping6 pinky pkexec pkill
		pldd pmap pr printenv printf ps pstree ptx pwd pwdx python rbash readlink realpath rename renice
		reset rev rm rmdir run-parts runcon rview rvim savelog scp screen script sdiff sed select-editor
		seq setarch setpriv setsid sftp sg sh sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf
		skill slabtop sleep snice sort split ssh ssh-add ssh-agent ssh-copy-id ssh-keygen ssh-keyscan stat
		stdbuf strace strings stty su sudo sudoedit sudoreplay sum sync systemctl systemd-analyze
		systemd-cat systemd-cgls systemd-detect-virt systemd-run tac tail tar taskset tee telnet test
		timedatectl timeout tload tmux top touch tput tr traceroute true truncate tset tsort tty tzselect
		ul umount uname uncompress unexpand uniq unlink unshare unxz update-alternatives uptime users utmpdump
		vdir vi view vim vmstat w wall watch wc wget whatis whereis which who whoami write xargs xxd xz xzcat
		yes zcat zgrep zip unzip zsh ksh csh tcsh fish curl git rsync nc netcat ncat socat tcpdump nmap
		ftp lftp at atq atrm batch expect gdb make gcc cc ld as objdump readelf nm strip java node npm php
		ruby lua pip docker dockerd containerd containerd-shim runc kubectl podman crictl
		apt apt-cache apt-get apt-key apt-mark dpkg dpkg-deb dpkg-query dnf yum rpm snap zypper apk pacman
		adduser addgroup agetty badblocks blkid blockdev chpasswd cron crond ctrlaltdel debugfs delgroup
		deluser depmod dhclient dumpe2fs e2fsck ethtool faillock fdisk findmnt fsck fstrim getcap getty
		groupadd groupdel groupmod grpck halt hwclock ifconfig ifdown ifup init insmod ip ip6tables iptables
		iptables-save iw ldconfig losetup lsns mkfs mkswap modinfo modprobe netplan netstat nft nologin
		parted pivot_root poweroff pwck reboot rmmod route rsyslogd runlevel runuser service setcap shutdown
		sshd ss sshd-session start-stop-daemon sulogin swapoff swapon switch_root sysctl tc telinit tune2fs
		udevadm ufw unix_chkpwd update-rc.d useradd userdel usermod vipw visudo vgs xtables-multi
		xtables-nft-multi auditctl auditd ausearch chronyd ntpd polkitd dbus-daemon dbus-send systemd
		systemd-journald systemd-logind systemd-networkd systemd-resolved systemd-timesyncd systemd-udevd
		systemd-executor systemd-tmpfiles networkmanager nmcli resolvectl busctl gvfsd snapd sftp-server
		exim postfix sendmail apache2 httpd nginx mysqld postgres cupsd smbd nmbd
		busybox toybox osascript launchctl defaults plutil security spctl codesign csrutil curl dscl
		dseditgroup
		diskutil hdiutil ioreg kextload log mdfind mdls networksetup open pbcopy pbpaste profiles scutil
		screencapture softwareupdate sw_vers sysadminctl system_profiler systemsetup tccutil textutil
		xattr xcrun xpcproxy launchd zprint ditto nscurl nvram pkgutil installer sips say
		libc ld-linux-x86-64 ld-linux-aarch64 libpthread libm libdl librt libcrypto libssl libpam libselinux
		libstdc++ libgcc_s libz libsystemd libpython libcurl pam_unix pam_systemd
	`)...)
})

// vendorSigners sign the operating system and what its vendor makes, in small letters. Sources: Elastic
// detection rules, names that count as Windows's own; Apple, certificates of its system software.
var vendorSigners = sync.OnceValue(func() map[string]bool {
	return set(
		"microsoft windows", "microsoft corporation", "microsoft windows publisher",
		"microsoft windows production pca 2011", "microsoft code signing pca 2011", "software signing",
		"macos software signing", "apple code signing certification authority",
	)
})

// systemFiles are programs and libraries of Windows, in small letters and without their endings. Sources:
// LOLBAS project (2026-07-31); Elastic detection rules, names of System32; the programs of Windows that are
// seen most often.
var systemFiles = sync.OnceValue(func() map[string]bool {
	return set(strings.Fields(`
		addinutil appinstaller aspnet_compiler at atbroker bash bitsadmin certoc certreq certutil change
		cipher cmd cmdkey cmdl32 cmstp colorcpl computerdefaults configsecuritypolicy conhost control csc
		cscript customshellhost datasvcutil desktopimgdownldr devicecredentialdeployment dfsvc diantz
		diskshadow dnscmd esentutl eudcedit eventvwr expand explorer extexport extrac32 findstr finger fltmc
		forfiles fsutil ftp gpscript hh imewdbld ie4uinit iediagcmd ieexec ilasm infdefaultinstall
		installutil iscsicpl jsc ldifde makecab mavinject microsoft.workflow.compiler mmc mofcomp mpcmdrun
		msbuild msconfig msdt msedge mshta msiexec msoxmled netsh ngen odbcconf offlinescannershell
		onedrivestandaloneupdater pcalua pcwrun pktmon pnputil presentationhost print printbrm provlaunch
		psr query rasautou rdrleakdiag reg regasm regedit regini register-cimprovider regsvcs regsvr32
		replace reset rpcping rundll32 runexehelper runonce runscripthelper sc schtasks scp scriptrunner
		setres settingsynchost sftp sigverif ssh stordiag syncappvpublishingserver tar ttdinject tttracer
		unregmp2 vbc verclsid wab wbadmin wbemtest winget wlrmdr wmic workfolders wscript wsreset wuauclt
		xwizard msedge_proxy msedgewebview2 odbcad32 setupugc write wt advpack comsvcs desk dfshim ieadvpack
		ieframe mshtml pcwutl photoviewer scrobj setupapi shdocvw shell32 shimgvw syssetup url zipfldr
		powershell pwsh powershell_ise net net1 whoami hostname svchost lsass lsaiso services ipconfig
		nltest tasklist taskkill systeminfo quser qwinsta qprocess arp route nbtstat netstat nslookup ping
		pathping tracert tree find more sort attrib xcopy robocopy copy icacls cacls takeown where choice
		timeout clip comp fc label subst assoc ftype doskey chcp mode powercfg bcdedit bootcfg diskpart
		format convert defrag chkdsk vssadmin wevtutil logman gpresult gpupdate dsquery dsget csvde setspn
		klist ntdsutil repadmin netdom dcdiag nlb shutdown logoff tsdiscon tscon msg runas mstsc rdpclip
		winrs winrshost wsmprovhost wmiprvse scrcons unsecapp mofcompiler taskmgr taskhost taskhostw taskeng
		dllhost dwm fontdrvhost csrss smss wininit winlogon userinit logonui lpksetup spoolsv searchindexer
		searchprotocolhost searchfilterhost searchui runtimebroker sihost ctfmon audiodg backgroundtaskhost
		applicationframehost shellexperiencehost startmenuexperiencehost systemsettings wermgr werfault
		werfaultsecure consent sdclt fodhelper slui sysprep cleanmgr compattelrunner musnotification
		usoclient usocoreworker mpsigstub msmpeng nissrv securityhealthservice securityhealthsystray
		smartscreen trustedinstaller tiworker wusa dism dismhost mousocoreworker devicecensus sppsvc
		sppextcomobj vds vssvc msdtc alg lsm ntoskrnl system registry memcompression notepad calc mspaint
		wordpad charmap magnify osk narrator utilman sethc displayswitch snippingtool stikynot perfmon
		resmon msinfo32 dxdiag winver control.exe eventcreate relog typeperf tpmtool tzutil w32tm manage-bde
		reagentc recover driverquery openfiles getmac rwinsta appvlp bcdboot bdeunlock certenrollctrl
		changepk cliconfg dcomcnfg dccw dpapimig dpnsvr drvinst dvdplay easinvoker efsui fveprompt grpconv
		iexplore iexpress isoburn lodctr lpq lpr mblctr mcbuilder mtstocom mshta nfsclnt ntprint netplwiz
		netbtugc optionalfeatures perfhost poqexec printui proquota provtool rasdial raserver rasphone
		rekeywiz relpost resmon rmactivate rmclient rrinstaller rstrui runlegacycplelevated sbunattend
		sdbinst secedit secinit setup sessionmsg shrpubw sndvol snmptrap sxstrace systemreset tabcal
		tapiunattend tcmsetup thumbnailextractionhost tokenbrokercookies tpminit tsecimp tstheme tswbprxy
		tswpfwrp ucsvc upnpcont useraccountcontrolsettings verifier wextract wfs wiaacmgr wiawow64 windeploy
		winrm winsat wowreg32 wpnpinst wpr wscadminui wsmanhttpconfig wudfhost wwahost xpsrchvw auditpol
		autochk autoconv autofmt baaupdate bitlockerwizard kernel32 kernelbase ntdll user32 advapi32 gdi32
		ole32 combase rpcrt4 amsi clr mscoree mscorlib mscorwks vaultcli samlib cryptdll crypt32 dbghelp
		dbgcore wininet winhttp ws2_32 wldap32 netapi32 urlmon vbscript jscript jscript9 taskschd wmiutils
		fastprox wbemcomn system.management.automation
	`)...)
})

// placeOf returns the folder and the name of a file, of which its name may hold the folder or the other way
// round.
func placeOf(f File) (path, name string) {
	path, name = identifier(f.Path), identifier(f.FileName)
	if cut := strings.LastIndexAny(name, `\/`); cut >= 0 && cut < len(name)-1 {
		if dir := name[:cut+1]; path == "" || strings.ContainsAny(name[:1], `\/%`) || name[1] == ':' {
			path = dir
		}
		name = name[cut+1:]
	}
	return folder(path, name), name
}

// roots are the ways to write a folder of Windows that differ from its path, in small letters.
var roots = [...][2]string{
	{"%systemroot%", `c:\windows`}, {"%windir%", `c:\windows`}, {`\systemroot`, `c:\windows`},
	{"%systemdrive%", "c:"}, {"%programfiles%", `c:\program files`}, {"%programw6432%", `c:\program files`},
	{"%programfiles(x86)%", `c:\program files (x86)`}, {"%programdata%", `c:\programdata`},
	{"%allusersprofile%", `c:\programdata`},
}

// folder returns the folder of a file with backslashes if it is one of Windows: without what stands before
// the drive, without empty and dot segments, and without the name of the file if the folder ends with it.
func folder(path, name string) string {
	path = identifier(path)
	if strings.HasPrefix(path, "/") && !strings.Contains(path, `\`) {
		if strings.Contains(path, "//") || strings.Contains(path, "/.") {
			path = "/" + withoutDots(path, "/")
		}
		if rest, ok := strings.CutSuffix(path, "/"+name); ok {
			path = rest
		}
		return strings.TrimRight(path, "/")
	}
	path = strings.TrimRight(strings.ReplaceAll(path, "/", `\`), `\`)
	for _, prefix := range [...]string{`\\?\`, `\??\`, `\\.\`} {
		path = strings.TrimPrefix(path, prefix)
	}
	for _, root := range roots {
		if rest, ok := cutFold(path, root[0]); ok {
			path = root[1] + rest
			break
		}
	}
	if strings.Contains(path, `\\`) || strings.Contains(path, `\.`) {
		kept := withoutDots(path, `\`)
		switch {
		case strings.HasPrefix(path, `\\`):
			kept = `\\` + kept
		case strings.HasPrefix(path, `\`):
			kept = `\` + kept
		}
		path = kept
	}
	if at := len(path) - len(name) - 1; at >= 0 && name != "" && strings.EqualFold(path[at:], `\`+name) {
		path = path[:at]
	}
	return path
}

// withoutDots returns the segments of a path without empty ones, and with those that are dots resolved. The
// first, such as a drive, stays.
func withoutDots(path, separator string) string {
	kept := make([]string, 0, 8)
	for s := range strings.SplitSeq(path, separator) {
		switch {
		case s == "" || s == ".":
		case s != "..":
			kept = append(kept, s)
		case len(kept) > 0 && !(len(kept) == 1 && strings.HasSuffix(kept[0], ":")):
			kept = kept[:len(kept)-1]
		}
	}
	return strings.Join(kept, separator)
}

// belowDrive returns a folder of Windows in small letters without its drive, its volume, a shadow copy of
// one, or the share that administrators have of one.
func belowDrive(folder string) string {
	folder = strings.ToLower(folder)
	if len(folder) >= 2 && folder[1] == ':' {
		return folder[2:]
	}
	folder = strings.TrimPrefix(folder, `globalroot`)
	if rest, ok := strings.CutPrefix(folder, `\device\harddiskvolume`); ok {
		return strings.TrimLeft(strings.TrimPrefix(rest, "shadowcopy"), "0123456789")
	}
	if strings.HasPrefix(folder, "volume{") {
		if _, rest, ok := strings.Cut(folder, "}"); ok {
			return rest
		}
	}
	if unc, ok := strings.CutPrefix(folder, `\\`); ok {
		_, path, _ := strings.Cut(unc, `\`)
		share, rest, _ := strings.Cut(path, `\`)
		switch {
		case share == "admin$":
			return `\windows\` + rest
		case len(share) == 2 && share[1] == '$':
			return `\` + rest
		}
	}
	return folder
}

func within(folders []string, folder, separator string) bool {
	for _, f := range folders {
		if rest, ok := strings.CutPrefix(folder, f); ok && (rest == "" || strings.HasPrefix(rest, separator)) {
			return true
		}
	}
	return false
}

// judgeFile says what the hash of a file is worth, as far as its name, its folder and its signer tell.
func judgeFile(f File, verdict EvidenceVerdict) (Strength, string) {
	if verdict == Malicious {
		return Weaker, ""
	}
	path, name := placeOf(f)
	if name == "" {
		if cut := strings.LastIndexAny(path, `\/`); cut >= 0 {
			path, name = path[:cut], path[cut+1:]
		}
	}
	path = belowDrive(path)
	signer, publisher := bare(strings.ToLower(f.Signer)), bare(strings.ToLower(f.Publisher))
	vendor := vendorSigners()[signer] || signer == "" && vendorSigners()[publisher]
	name = strings.TrimRight(strings.ToLower(name), " .")
	stem := name
	for _, ending := range [...]string{".exe", ".dll", ".com", ".cpl", ".msc", ".ocx", ".sys"} {
		stem = strings.TrimSuffix(stem, ending)
	}

	switch {
	case within(writableFolders, path, `\`):
	case within(systemFolders, path, `\`), path == `\windows`:
		if vendor || signer == "" && systemFiles()[stem] {
			return NotLinking, systemFile
		}
	case within(protectedFolders, path, "/"):
		if signer == "" || vendor {
			return NotLinking, systemFile
		}
	case within(unixFolders, path, "/"):
		if vendor || signer == "" && isUnixFile(name) {
			return NotLinking, systemFile
		}
	case path == "":
		if vendor {
			return NotLinking, systemFile
		}
		if signer == "" && systemFiles()[stem] {
			return Supporting, "the name of a file of the operating system, in a folder that is not known"
		}
	case vendor && strings.HasPrefix(path, "/applications"),
		vendor && strings.HasPrefix(path, `\program files`) && (!systemFiles()[stem] || isVendorFolder(path)):
		return NotLinking, "a file of the operating system's vendor"
	}
	return Weaker, ""
}

const systemFile = "a file of the operating system"

// isVendorFolder reports whether path is in one of vendorFolders.
func isVendorFolder(path string) bool {
	rest := strings.TrimPrefix(path, `\program files`)
	return within(vendorFolders, strings.TrimPrefix(rest, " (x86)"), `\`)
}

// isUnixFile reports whether a name in small letters is that of one of unixFiles, whatever its version.
func isUnixFile(name string) bool {
	if unixFiles()[name] {
		return true
	}
	if library, _, ok := strings.Cut(name, ".so"); ok {
		name = library
	}
	return unixFiles()[strings.TrimRight(name, "0123456789.-")]
}
