#!/bin/sh
# Makes the files in `made/` with the tools that make the real ones.
# Debian: apt-get install binutils gcc xz-utils lz4 zstd bzip2 lzop dpkg-dev rpm cpio
set -eu
cd "$(dirname "$0")"
sources=$PWD
rm -rf made && mkdir made
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The options are those of the kernel's scripts/Makefile.lib; it appends the unpacked size to what
# doesn't have it.
pack() {
	case $1 in
	gz) gzip -n -9 ;;
	xz) xz --check=crc32 --x86 --lzma2=,dict=1MiB ;;
	lzma) lzma -9 ;;
	bz2) bzip2 -9 ;;
	zst) zstd -q -22 --ultra ;;
	lz4) lz4 -q -l -9 - - ;;
	lzo) lzop -q -9 ;;
	esac
}
with_size() {
	cat "$2"
	if [ "$1" != gz ]; then
		python3 -c 'import sys; sys.stdout.buffer.write(int(sys.argv[1]).to_bytes(4, "little"))' "$(stat -c %s "$3")"
	fi
}
linked() { # OUT FLAGS...
	out=$1; shift
	gcc "$@" -c -o vmlinux.o "$sources/vmlinux.S"
	ld -o "$out" vmlinux.o
	strip -R .note.gnu.property "$out"
}
flat() { # OUT SOURCE FLAGS...
	out=$1; source=$2; shift 2
	gcc "$@" -c -o flat.o "$sources/$source"
	objcopy -O binary -j .text flat.o "$out"
}

printf '# Linux/x86 6.1.76 Kernel Configuration\nCONFIG_BPF=y\nCONFIG_HZ=250\n' > config
gzip -n -9 < config > config.gz
linked vmlinux -DCONFIG='"config.gz"'
linked vmlinux-no-config
linked vmlinux-no-types -DNO_TYPES
flat Image vmlinux.S -DARM64_IMAGE

for format in gz xz lzma bz2 zst lz4 lzo; do
	pack $format < vmlinux > "vmlinux.$format"
	with_size $format "vmlinux.$format" vmlinux > payload
	flat "vmlinuz-$format" bzimage.S -DPAYLOAD='"payload"'
done
for kernel in no-config no-types; do
	pack xz < vmlinux-$kernel > kernel.xz
	with_size xz kernel.xz vmlinux-$kernel > payload
	flat "vmlinuz-$kernel" bzimage.S -DPAYLOAD='"payload"'
done
gzip -n -9 < Image > Image.gz
flat vmlinuz.efi zboot.S -DPAYLOAD='"Image.gz"'
flat unified.efi unified.S -DPAYLOAD='"vmlinuz-zst"'
rm vmlinux.o
cp vmlinux vmlinux.* vmlinuz-* Image Image.gz vmlinuz.efi unified.efi "$sources/made/"

# Debian's packages: with a kernel, with modules only, and one that only asks for another.
release=6.1.0-18-test
deb() { # OUT COMPRESSION NAME DEPENDS
	mkdir -p root/DEBIAN
	printf 'Package: %s\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\nDepends: %s\nDescription: a test\n' \
		"$3" "$4" > root/DEBIAN/control
	dpkg-deb -Z"$2" --root-owner-group -b root "$sources/made/$1" > /dev/null
	rm -rf root
}
for compression in xz gzip zstd none; do
	mkdir -p root/boot "root/lib/modules/$release/kernel"
	cp config "root/boot/config-$release"
	cp vmlinuz-no-config "root/boot/vmlinuz-$release"
	ln -s "vmlinuz-$release" root/boot/vmlinuz
	echo module > "root/lib/modules/$release/kernel/a.ko"
	deb "image-$compression.deb" $compression "linux-image-$release" 'kmod, linux-base (>= 4.3~)'
done
mkdir -p "root/usr/lib/modules/$release"
cp vmlinuz-zst "root/usr/lib/modules/$release/vmlinuz.unsigned"
deb binary.deb xz "linux-binary-$release" 'linux-base'
mkdir -p "root/lib/modules/$release/kernel"
echo module > "root/lib/modules/$release/kernel/a.ko.xz"
deb modules.deb xz "linux-modules-$release" ''
mkdir -p root/usr/share/doc
deb meta.deb xz linux-image-test "linux-binary-$release (= 1), linux-modules-$release | other, kmod"

# RPM's, whose payloads differ by the distribution's age.
for payload in w19.zstdio w7.xzdio w9.gzdio w9.bzdio; do
	name=core-${payload#*.}
	cat > "$name.spec" <<-SPEC
		Name: $name
		Version: 1
		Release: 1
		Summary: A test
		License: MIT
		%define _binary_payload $payload
		%define _build_id_links none
		%define __strip /bin/true
		%description
		A test.
		%install
		mkdir -p %{buildroot}/lib/modules/$release/kernel
		cp $work/config %{buildroot}/lib/modules/$release/config
		cp $work/vmlinuz-no-config %{buildroot}/lib/modules/$release/vmlinuz
		echo module > %{buildroot}/lib/modules/$release/kernel/a.ko
		%files
		/lib/modules/$release
	SPEC
	rpmbuild --quiet --define "_topdir $work/rpm" --define '_buildhost test' --target noarch \
		-bb "$name.spec" 2> rpm.log || { cat rpm.log; exit 1; }
	cp rpm/RPMS/*/"$name"-*.rpm "$sources/made/$name.rpm"
done

# Archives of types: BTFhub's, and one with two kernels.
objcopy --dump-section .BTF=types vmlinux /dev/null
mkdir types.d && cp types types.d/5.4.0-1009-test.btf
tar --owner=0 --group=0 -C types.d -cJf "$sources/made/5.4.0-1009-test.btf.tar.xz" ./5.4.0-1009-test.btf
cp types types.d/web-1.btf
tar --owner=0 --group=0 -C types.d -czf "$sources/made/fleet.btf.tar.gz" .
echo initrd > init && echo init | cpio -o -H newc --quiet > "$sources/made/initrd.img"
