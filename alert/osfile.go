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

// unixFolders are the folders in which Linux and macOS keep their programs; the last ones are macOS's.
// Source: Filesystem Hierarchy Standard 3.0; Apple, System Integrity Protection.
var unixFolders = []string{
	"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/lib", "/lib64",
	"/system",
	"/library/apple",
}

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

// folder returns the folder of a file in small letters and with backslashes if it is one of Windows: without
// what stands before the drive, and without the name of the file if the folder ends with it.
func folder(path, name string) string {
	path = identifier(path)
	if strings.HasPrefix(path, "/") && !strings.Contains(path, `\`) {
		if rest, ok := strings.CutSuffix(path, "/"+name); ok {
			path = rest
		}
		return strings.TrimRight(path, "/")
	}
	path = strings.TrimRight(strings.ReplaceAll(path, "/", `\`), `\`)
	for _, prefix := range [...]string{`\\?\`, `\??\`, `\\.\`} {
		path = strings.TrimPrefix(path, prefix)
	}
	if at := len(path) - len(name) - 1; at >= 0 && name != "" && strings.EqualFold(path[at:], `\`+name) {
		path = path[:at]
	}
	for _, root := range [...]string{"%systemroot%", "%windir%", `\systemroot`} {
		if rest, ok := cutFold(path, root); ok {
			return `c:\windows` + rest
		}
	}
	return path
}

// belowDrive returns a folder of Windows in small letters without its drive or volume.
func belowDrive(folder string) string {
	folder = strings.ToLower(folder)
	if len(folder) >= 2 && folder[1] == ':' {
		return folder[2:]
	}
	if rest, ok := strings.CutPrefix(folder, `\device\harddiskvolume`); ok {
		return strings.TrimLeft(rest, "0123456789")
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
	name := identifier(f.FileName)
	if name == "" {
		if cut := strings.LastIndexAny(f.Path, `\/`); cut >= 0 {
			name = f.Path[cut+1:]
		}
	}
	path := belowDrive(folder(f.Path, name))
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
	case within(unixFolders, path, "/"):
		if signer == "" || vendor {
			return NotLinking, systemFile
		}
	case path == "":
		if vendor || signer == "" && systemFiles()[stem] {
			return NotLinking, systemFile
		}
	case vendor && !systemFiles()[stem] && hasPrefix(path, `\program files`, "/applications"):
		return NotLinking, "a file of the operating system's vendor"
	}
	return Weaker, ""
}

const systemFile = "a file of the operating system"
