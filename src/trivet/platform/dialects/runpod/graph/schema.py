"""The schema: RunPod's words as types, and which function answers which field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, build_schema

from trivet.platform.dialects.runpod.graph import account, endpoints, gpus, pods, templates
from trivet.platform.dialects.runpod.graph.call import Resolver

SDL = '''
"""QUEUE_DELAY or REQUEST_COUNT, written bare or as a text."""
scalar ScalerType
"""OFF, FLASHBOOT or PRIORITY_FLASHBOOT, written bare or as a text. Kept; workers start warm here whatever it says."""
scalar FlashBootType
"""QB. Endpoints without a queue (LB) are not to be had here."""
scalar EndpointType
"""A time, as 2026-11-21T08:30:00.123Z."""
scalar DateTime
"""No answer: always null."""
scalar Void

type Query {
  "The account of the key."
  myself: User
  "The GPUs that this platform has; with an id, what is known of that kind."
  gpuTypes(input: GpuTypeFilter): [GpuType]
  "One template of the account."
  podTemplate(id: String): PodTemplate
  "There are no pods here: always an error that says what there is."
  pod(input: PodFilter): Pod
}

type Mutation {
  """
  Makes an endpoint of a template, or changes the one with that id. What a change leaves out stays as it is, but for
  workersMax, idleTimeout and scalerValue, which go back to 3, 10 and 4.
  """
  saveEndpoint(input: EndpointInput): Endpoint
  "Gives an endpoint another template: a new version, taken up worker by worker."
  updateEndpointTemplate(input: UpdateEndpointTemplateInput): Endpoint
  "Removes an endpoint."
  deleteEndpoint(id: String): Void
  "Makes a template, or changes the one with that id: what is left out stays. Endpoints made of it get a new version."
  saveTemplate(input: SaveTemplateInput): PodTemplate
  "Removes a template that no endpoint uses."
  deleteTemplate(templateName: String): Void
  "Keeps a credential for a container registry. Nothing uses it before there are containers."
  saveRegistryAuth(input: SaveRegistryAuthInput): ContainerRegistryAuth
  "Replaces user name and password of a credential."
  updateRegistryAuth(input: UpdateRegistryAuthInput): ContainerRegistryAuth
  "Forgets a credential."
  deleteRegistryAuth(registryAuthId: String): Void
  "Sets the account's public key."
  updateUserSettings(input: UpdateUserSettingsInput): User
  "Keeps a secret; its name is its id."
  secretCreate(input: SecretCreateInput): Secret
  "Forgets a secret, by its name."
  secretDelete(id: ID): Void

  podFindAndDeployOnDemand(input: PodFindAndDeployOnDemandInput): Pod
  podRentInterruptable(input: PodRentInterruptableInput): Pod
  deployCpuPod(input: deployCpuPodInput): Pod
  podStop(input: PodStopInput): Pod
  podResume(input: PodResumeInput): Pod
  podBidResume(input: PodBidResumeInput): Pod
  podTerminate(input: PodTerminateInput): Void
  createNetworkVolume(input: CreateNetworkVolumeInput): NetworkVolume
  updateNetworkVolume(input: UpdateNetworkVolumeInput): NetworkVolume
  deleteNetworkVolume(input: DeleteNetworkVolumeInput): Void
}

type User {
  id: String
  "Always null: accounts have names here."
  email: String
  name: String
  pubKey: String
  endpoints: [Endpoint]
  podTemplates: [PodTemplate]
  containerRegistryCreds: [ContainerRegistryAuth]
  secrets: [Secret]
  "Always empty."
  networkVolumes: [NetworkVolume]
  "Always empty."
  pods: [Pod]
  "Always null, like all money: nothing is billed here."
  clientBalance: Float
  currentSpendPerHr: Float
  minBalance: Float
  spendLimit: Float
  underBalance: Boolean
}

type Endpoint {
  id: String
  name: String
  "The name that the native API and the command line know it by, owner/name."
  fullName: String
  userId: String
  templateId: String
  template: PodTemplate
  type: EndpointType
  gpuIds: String
  gpuCount: Int
  instanceIds: [String]
  allowedCudaVersions: String
  minCudaVersion: String
  locations: String
  networkVolumeId: String
  networkVolumeIds: [EndpointNetworkVolume]
  networkVolume: NetworkVolume
  idleTimeout: Int
  scalerType: ScalerType
  scalerValue: Int
  workersMin: Int
  workersMax: Int
  workersStandby: Int
  executionTimeoutMs: Int
  flashBootType: FlashBootType
  modelReferences: [String]
  compliance: [String]
  "How many versions have been released."
  version: Int
  env: [EnvironmentVariable]
  createdAt: DateTime
  aiKey: String
  hubReleaseId: String
  pods: [Pod]
}

type EndpointNetworkVolume { networkVolumeId: String }

type PodTemplate {
  id: String
  name: String
  imageName: String
  dockerArgs: String
  containerDiskInGb: Int
  volumeInGb: Int
  volumeMountPath: String
  ports: String
  env: [EnvironmentVariable]
  isServerless: Boolean
  isPublic: Boolean
  isRunpod: Boolean
  readme: String
  category: String
  startSsh: Boolean
  startJupyter: Boolean
  startScript: String
  advancedStart: Boolean
  containerRegistryAuthId: String
  allowedCudaVersions: [String]
  createdAt: DateTime
}

type EnvironmentVariable { key: String value: String }

type ContainerRegistryAuth {
  id: String
  name: String
  "The user name; passwords never come back."
  username: String
  registryAuth: String
}

type Secret { id: ID name: String description: String createdAt: DateTime updatedAt: DateTime }

type NetworkVolume { id: String name: String size: Int dataCenterId: String }

type GpuType {
  id: String
  displayName: String
  manufacturer: String
  memoryInGb: Int
  "How many of them this platform has."
  maxGpuCount: Int
  maxGpuCountSecureCloud: Int
  maxGpuCountCommunityCloud: Int
  cudaCores: Int
  secureCloud: Boolean
  communityCloud: Boolean
  securePrice: Float
  communityPrice: Float
  oneWeekPrice: Float
  oneMonthPrice: Float
  threeMonthPrice: Float
  sixMonthPrice: Float
  communitySpotPrice: Float
  secureSpotPrice: Float
  lowestPrice(input: GpuLowestPriceInput): LowestPrice
}

type LowestPrice {
  gpuTypeId: String
  minimumBidPrice: Float
  uninterruptablePrice: Float
  "High where that many are here; else null."
  stockStatus: String
}

type Pod {
  id: String
  name: String
  imageName: String
  env: [String]
  machineId: String
  machine: PodMachine
  desiredStatus: String
  lastStatusChange: String
  containerDiskInGb: Int
  costPerHr: Float
  dockerArgs: String
  dockerId: String
  gpuCount: Int
  memoryInGb: Float
  podType: String
  port: Int
  ports: String
  templateId: String
  uptimeSeconds: Int
  vcpuCount: Float
  volumeInGb: Float
  volumeMountPath: String
  networkVolumeId: String
  runtime: PodRuntime
}

type PodMachine { podHostId: String gpuDisplayName: String gpuTypeId: String secureCloud: Boolean }

type PodRuntime { uptimeInSeconds: Int ports: [PodRuntimePort] gpus: [PodRuntimeGpu] }

type PodRuntimePort { ip: String isIpPublic: Boolean privatePort: Int publicPort: Int type: String }

type PodRuntimeGpu { id: String gpuUtilPercent: Float memoryUtilPercent: Float }

input GpuTypeFilter { id: String ids: [String!] }

input GpuLowestPriceInput {
  gpuCount: Int
  minDisk: Int
  minMemoryInGb: Int
  minVcpuCount: Int
  secureCloud: Boolean
  supportPublicIp: Boolean
  countryCode: String
  dataCenterId: String
  compliance: [String]
}

input EnvironmentVariableInput { key: String! value: String! }

input EndpointInput {
  id: String
  name: String
  templateId: String
  "A template to make on the way, in place of templateId."
  template: SaveTemplateInput
  type: EndpointType
  "Pools in order of priority, separated by commas; -TYPE leaves one kind of GPU out."
  gpuIds: String
  gpuCount: Int
  instanceIds: [String!]
  allowedCudaVersions: String
  minCudaVersion: String
  locations: String
  networkVolumeId: String
  networkVolumeIds: [NetworkVolumeIdInput!]
  idleTimeout: Int
  scalerType: ScalerType
  scalerValue: Int
  workersMin: Int
  workersMax: Int
  workersStandby: Int
  executionTimeoutMs: Int
  flashBootType: FlashBootType
  modelReferences: [String!]
  compliance: [String!]
  hubReleaseId: String
}

input NetworkVolumeIdInput { networkVolumeId: String }

input UpdateEndpointTemplateInput { endpointId: String templateId: String }

input SaveTemplateInput {
  id: String
  name: String
  imageName: String
  dockerArgs: String
  containerDiskInGb: Int
  volumeInGb: Int
  volumeMountPath: String
  ports: String
  env: [EnvironmentVariableInput!]
  isServerless: Boolean
  isPublic: Boolean
  readme: String
  category: String
  startSsh: Boolean
  startJupyter: Boolean
  startScript: String
  advancedStart: Boolean
  containerRegistryAuthId: String
  allowedCudaVersions: [String!]
}

input SaveRegistryAuthInput { name: String username: String password: String }

input UpdateRegistryAuthInput { id: String username: String password: String }

input UpdateUserSettingsInput { pubKey: String }

input SecretCreateInput { name: String value: String description: String }

"""What is asked of a pod can't be had here, so that nothing of it is looked at."""
scalar PodFilter
scalar PodFindAndDeployOnDemandInput
scalar PodRentInterruptableInput
scalar deployCpuPodInput
scalar PodStopInput
scalar PodResumeInput
scalar PodBidResumeInput
scalar PodTerminateInput
scalar CreateNetworkVolumeInput
scalar UpdateNetworkVolumeInput
scalar DeleteNetworkVolumeInput
'''
"""The schema in its own language.

Every argument may be left out as far as the grammar goes, since clients declare their variables with and without ``!``; what is
missing is said by whoever needs it. A plain scalar takes a bare word as well as a quoted one.
"""

QUERIES: Mapping[str, Resolver] = {
    "myself": account.myself,
    "gpuTypes": gpus.gpu_types,
    "podTemplate": templates.template,
    "pod": pods.refuse,
}
MUTATIONS: Mapping[str, Resolver] = {
    "saveEndpoint": endpoints.save,
    "updateEndpointTemplate": endpoints.use_template,
    "deleteEndpoint": endpoints.delete,
    "saveTemplate": templates.save,
    "deleteTemplate": templates.delete,
    "saveRegistryAuth": account.save_credential,
    "updateRegistryAuth": account.change_credential,
    "deleteRegistryAuth": account.delete_credential,
    "updateUserSettings": account.update_settings,
    "secretCreate": account.create_secret,
    "secretDelete": account.delete_secret,
    "podFindAndDeployOnDemand": pods.refuse,
    "podRentInterruptable": pods.refuse,
    "deployCpuPod": pods.refuse,
    "podStop": pods.refuse,
    "podResume": pods.refuse,
    "podBidResume": pods.refuse,
    "podTerminate": pods.refuse,
    "createNetworkVolume": pods.refuse_volume,
    "updateNetworkVolume": pods.refuse_volume,
    "deleteNetworkVolume": pods.refuse_volume,
}
OF_USER: Mapping[str, Resolver] = {
    "endpoints": endpoints.of_account,
    "podTemplates": templates.of_account,
    "containerRegistryCreds": account.credentials,
    "secrets": account.secrets,
}


def make_schema() -> GraphQLSchema:
    """The schema with its functions."""
    schema = build_schema(SDL)
    for kind, resolvers in (("Query", QUERIES), ("Mutation", MUTATIONS), ("User", OF_USER)):
        fields = cast(GraphQLObjectType, schema.type_map[kind]).fields
        for name, resolver in resolvers.items():
            fields[name].resolve = _adapted(resolver)
    return schema


def _adapted(resolver: Resolver) -> Any:
    async def resolve(_source: object, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        return await resolver(info.context, arguments)

    return resolve
