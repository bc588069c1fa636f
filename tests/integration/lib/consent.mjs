// What an operator signs so that a worker's key may enter the registry.
const fields = { kind: 'uint16', slot: 'uint8', signKey: 'address', nonce: 'uint256', deadline: 'uint256' };

/** A consent as PUT /v1/chain/consent takes it. `operator` is an account of viem's; `signKey` the worker's. */
export async function signConsent(operator, { registry, signKey, kind = 255, slot = 0, nonce = 0n, deadline, chainId = 31337 }) {
  const types = { Register: Object.entries(fields).map(([name, type]) => ({ name, type })) };
  const domain = { name: 'PhalaWorkerRegistry', version: '1', chainId, verifyingContract: registry };
  const signature = await operator.signTypedData({ domain, types, primaryType: 'Register', message: { kind, slot, signKey, nonce, deadline } });
  return { kind, slot, nonce: Number(nonce), deadline: Number(deadline), signature };
}
