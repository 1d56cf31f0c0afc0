/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * Questions and answers of the DNS, where sockets send and receive them: at the root of all cgroups, so that
 * no process and no container is left out. Only what has port 53 at the other side is looked at; every packet
 * goes on.
 *
 * A program here may interrupt another one, so that none uses the buffer of the system calls: a record is put
 * together in the ring.
 */
#pragma once

#include "interest.h"

#define DNS_PORT 53
/* Docker's resolver in a container: 127.0.0.11. The port is another one by the time that a packet comes here. */
#define DOCKER_RESOLVER 0x7f00000b
/* As much as an answer over UDP has where nobody wants it to be cut into fragments; of more, the beginning. */
#define DNS_BYTES 1232
#define DNS_HEADER 12
#define DNS_IS_ANSWER 0x80

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define EXTENSIONS 4

/* Arguments of the record's header. */
enum dns_argument {
	DNS_COOKIE = 0,
	DNS_LENGTH = 1,   /* of the whole message, with the two bytes before it that TCP has */
	DNS_SEGMENTS = 2, /* more than one: what follows the first was not looked at */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common___network {
	struct {
		struct net *net;
	} skc_net;
};
struct sock___network {
	struct sock_common___network __sk_common;
};
struct sk_buff {
	struct sock___network *sk;
};
#pragma clang attribute pop

struct dns_record {
	struct header header;
	struct field socket_field;
	struct socket_facts socket;
	struct field data_field;
	u8 data[DNS_BYTES];
};

/* What is read of a packet before it is known to be of interest. */
struct packet {
	u32 at;     /* where the message begins */
	u32 length; /* of the message */
	u16 from;
	u16 to;
	u8 protocol;
	bool is_ipv4;
};

static __always_inline u16 big(const u8 *bytes)
{
	return (u16)bytes[0] << 8 | bytes[1];
}

/* Where the header of TCP or UDP begins, and which of both it is; 0 where there is none. */
static __always_inline u32 transport_of(struct __sk_buff *skb, struct packet *packet)
{
	u8 *data = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	packet->is_ipv4 = skb->protocol == __builtin_bswap16(ETHERTYPE_IPV4);
	if (packet->is_ipv4) {
		if (data + 20 > end)
			return 0;
		packet->protocol = data[9];
		return (data[0] & 15) * 4;
	}
	if (skb->protocol != __builtin_bswap16(ETHERTYPE_IPV6) || data + 40 > end)
		return 0;
	packet->protocol = data[6];
	u32 at = 40;
	for (u32 extension = 0; extension < EXTENSIONS; extension++) {
		u8 next[2];
		/* Hop by hop, routing, for the destination. */
		if (packet->protocol != 0 && packet->protocol != 43 && packet->protocol != 60)
			break;
		if (bpf_skb_load_bytes(skb, at, next, sizeof(next)))
			return 0;
		packet->protocol = next[0];
		at += (next[1] + 1) * 8;
	}
	return at;
}

static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *packet)
{
	u32 at = transport_of(skb, packet);
	if (!at || (packet->protocol != PROTOCOL_UDP && packet->protocol != PROTOCOL_TCP))
		return false;
	u8 *data = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	at &= 0x3fff;
	u8 *transport = data + at;
	if (transport + 14 <= end) {
		packet->from = big(transport);
		packet->to = big(transport + 2);
		packet->at = at + (packet->protocol == PROTOCOL_UDP ? 8 : (transport[12] >> 4) * 4);
	} else {
		u8 bytes[8];
		if (packet->protocol != PROTOCOL_UDP || bpf_skb_load_bytes(skb, at, bytes, sizeof(bytes)))
			return false;
		packet->from = big(bytes);
		packet->to = big(bytes + 2);
		packet->at = at + 8;
	}
	u32 whole = skb->len;
	packet->length = whole > packet->at ? whole - packet->at : 0;
	return true;
}

/* Whether a message begins here, and is a question or an answer as asked for. Over TCP its length stands before
 * it, or came alone before it; where a message goes on there is nothing that says so. */
static __always_inline bool is_message(struct __sk_buff *skb, struct packet *packet, u8 is_answer)
{
	u8 bytes[8];
	if (packet->length < DNS_HEADER || bpf_skb_load_bytes(skb, packet->at, bytes, sizeof(bytes)))
		return false;
	/* One question: where no length stands before the message, no flags look like that. */
	bool has_length = packet->protocol == PROTOCOL_TCP && big(bytes + 4) != 1;
	if (has_length && big(bytes + 6) != 1)
		return false;
	return ((has_length ? bytes[4] : bytes[2]) & DNS_IS_ANSWER) == is_answer;
}

static __always_inline void fill_socket(struct __sk_buff *skb, struct packet *packet, struct socket_facts *facts,
					bool sends)
{
	facts->family = packet->is_ipv4 ? AF_INET : AF_INET6;
	facts->type = packet->protocol == PROTOCOL_TCP ? SOCK_STREAM : SOCK_DGRAM;
	facts->protocol = packet->protocol;
	facts->state = 0;
	facts->local_port = sends ? packet->from : packet->to;
	facts->remote_port = sends ? packet->to : packet->from;
	__builtin_memset(facts->local, 0, sizeof(facts->local));
	__builtin_memset(facts->remote, 0, sizeof(facts->remote));
	u8 *source = sends ? facts->local : facts->remote, *target = sends ? facts->remote : facts->local;
	if (packet->is_ipv4) {
		bpf_skb_load_bytes(skb, 12, source, 4);
		bpf_skb_load_bytes(skb, 16, target, 4);
	} else {
		bpf_skb_load_bytes(skb, 8, source, 16);
		bpf_skb_load_bytes(skb, 24, target, 16);
	}
}

/* Who sends: over UDP that is the current task, and so it is over TCP unless a packet waited. */
static __always_inline void fill_sender(struct header *h, struct __sk_buff *skb, struct packet *packet,
					struct task_struct *task)
{
	if (packet->protocol == PROTOCOL_TCP && task->cgroups->dfl_cgrp->kn->id != bpf_skb_cgroup_id(skb))
		return;
	h->thread = task->pid;
	h->process = task->tgid;
	h->start_boot_ns = task->group_leader->start_boottime;
	h->cgroup_id = id_of(cgroup_of(task));
	h->uid = task->cred->uid.val;
	bpf_core_read(h->command, sizeof(h->command), &task->comm);
}

static __always_inline int tell(struct __sk_buff *skb, struct packet *packet, u32 kind, struct task_struct *sender)
{
	struct dns_record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		u64 *count = bpf_map_lookup_elem(&lost, &kind);
		if (count)
			(*count)++;
		return 1;
	}
	struct header *h = &record->header;
	__builtin_memset(h, 0, sizeof(*h));
	h->version = RECORD_VERSION;
	h->kind = kind;
	h->cpu = bpf_get_smp_processor_id();
	h->boot_ns = bpf_ktime_get_boot_ns();
	h->login_uid = ~0U;
	h->audit_session = ~0U;
	h->cgroup_id = bpf_skb_cgroup_id(skb);
	if (sender)
		fill_sender(h, skb, packet, sender);
	h->arguments[DNS_COOKIE] = bpf_get_socket_cookie(skb);
	h->arguments[DNS_LENGTH] = packet->length;
	h->arguments[DNS_SEGMENTS] = packet->protocol == PROTOCOL_UDP ? skb->gso_segs : 0;
	/* To the kernel, what the program is given is a packet with its socket. */
	struct sk_buff *kernel_skb = (struct sk_buff *)skb;
	struct net *net = BPF_CORE_READ(kernel_skb, sk, __sk_common.skc_net.net);
	h->network_namespace = BPF_CORE_READ(net, ns.inum);
	h->network = h->network_namespace;
	if (bpf_core_field_exists(net->net_cookie))
		h->network = BPF_CORE_READ(net, net_cookie);

	record->socket_field.tag = TAG_SOCKET;
	record->socket_field.length = sizeof(record->socket);
	fill_socket(skb, packet, &record->socket, sender != NULL);
	u32 length = packet->length;
	if (length > DNS_BYTES)
		length = DNS_BYTES;
	if (length < DNS_HEADER || bpf_skb_load_bytes(skb, packet->at, record->data, length)) {
		length = 0;
		h->flags = RECORD_TRUNCATED;
	}
	record->data_field.tag = TAG_DATA;
	record->data_field.length = length;
	h->size = offsetof(struct dns_record, data) + length;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	wake();
	return 1;
}

SEC("cgroup_skb/egress")
int dns_asked(struct __sk_buff *skb)
{
	struct packet packet = {};
	if (!read_packet(skb, &packet))
		return 1;
	/* The port that the process has connected to, and the one that a translation of addresses has made of it. */
	if (packet.to != DNS_PORT && skb->remote_port != __builtin_bswap32(DNS_PORT)) {
		u32 target = 0;
		if (!packet.is_ipv4 || bpf_skb_load_bytes(skb, 16, &target, 4) ||
		    target != __builtin_bswap32(DOCKER_RESOLVER))
			return 1;
	}
	u32 which;
	struct interest *interest = active_interest(&which);
	struct task_struct *task = bpf_get_current_task_btf();
	/* Our own questions too: user space has to know whose the answers are. */
	if (!interest || !of_kind(interest, KIND_ASKED) || !is_message(skb, &packet, 0))
		return 1;
	return tell(skb, &packet, KIND_ASKED, task);
}

SEC("cgroup_skb/ingress")
int dns_answered(struct __sk_buff *skb)
{
	struct packet packet = {};
	if (!read_packet(skb, &packet) || packet.from != DNS_PORT)
		return 1;
	u32 which;
	struct interest *interest = active_interest(&which);
	if (!interest || !of_kind(interest, KIND_ANSWERED) || !is_message(skb, &packet, DNS_IS_ANSWER))
		return 1;
	return tell(skb, &packet, KIND_ANSWERED, NULL);
}
